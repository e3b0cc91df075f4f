#include "hsconas/stages/compression_run.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/codesign/compression.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "hsconas/stages/stage_inputs.hpp"

namespace hsconas {

namespace {

/// What the parts of a record are made from.
struct CompressionContext {
  const Config& config;
  const SearchSpace& space;
  const DesignSpace& designs;
  const CompressionSource& source;
  const CompressionResult& result;

  const std::string& design_of(const Pair& pair) const {
    return designs.designs()[pair.design].name;
  }
};

CodesignPair compressed_pair(const Pair& pair, const CompressionContext& context) {
  const CompressedNetwork& network = context.result.networks[pair.network];
  return {.arch = context.space.encode(network.arch),
          .design = context.design_of(pair),
          .accuracy = pair.accuracy,
          .latency_ms = pair.cost.ms,
          .energy = pair.cost.energy,
          .compression = Compression{.start = network.start, .bits = network.bits}};
}

CompressionSummary summary_of(const CompressionContext& context) {
  CompressionSummary summary;
  summary.images_per_network = context.source.images_per_network;
  for (std::size_t i = 0; i < context.source.starts.size(); ++i) {
    const StartNetwork& start = context.source.starts[i];
    summary.starts.push_back({.folder = start.name,
                              .arch = context.space.encode(start.arch),
                              .accuracy = start.accuracy,
                              .best = {}});
    const auto& pair = context.result.starts[i];
    if (!pair) continue;
    summary.starts.back().best = {.design = context.design_of(*pair),
                                  .latency_ms = pair->cost.ms,
                                  .energy = pair->cost.energy};
  }
  for (const Pair& pair : context.result.start_front) {
    summary.start_front.push_back({.arch = summary.starts[pair.network].arch,
                                   .design = context.design_of(pair),
                                   .accuracy = pair.accuracy,
                                   .latency_ms = pair.cost.ms,
                                   .energy = pair.cost.energy});
  }
  return summary;
}

CodesignRecord compression_record(const CompressionContext& context) {
  const CompressionResult& result = context.result;
  const CompressedNetwork& best = result.networks[result.best.network];
  CodesignRecord record = start_record(context.config, context.designs);
  set_best(record, compressed_pair(result.best, context), context.space.describe(best.arch),
           context.designs.designs()[result.best.design]);
  for (const Pair& pair : result.front) record.front.push_back(compressed_pair(pair, context));
  record.networks = result.counts.networks;
  record.pairs = result.counts.pairs;
  const auto most = static_cast<std::size_t>(context.config.codesign.pairs_written);
  record.pairs_csv = result.scored.size() <= most ? "all" : "front";
  record.compression = summary_of(context);
  return record;
}

/// pairs.csv: the networks that were evaluated, each on its best design, or the front.
std::string pairs_text(const CompressionContext& context, const CodesignRecord& record) {
  std::string csv = "start,arch,bits,design,accuracy,latency_ms,energy\n";
  const auto add = [&](const CodesignPair& pair) {
    csv +=
        fmt::format("{},{},{},{},{},{},{}\n", pair.compression->start, pair.arch,
                    encode_bits(pair.compression->bits), pair.design, format_exact(pair.accuracy),
                    format_exact(pair.latency_ms), format_exact(pair.energy));
  };
  if (record.pairs_csv == "front") {
    for (const CodesignPair& pair : record.front) add(pair);
    return csv;
  }
  const Limits limits = limits_of(context.config.codesign);
  for (const Pair& pair : context.result.scored) {
    if (limits.meets(pair.cost)) add(compressed_pair(pair, context));
  }
  return csv;
}

}  // namespace

CodesignRecord run_compression(const Config& config, const WorkDir& dir, StageRecord& stages,
                               const CompressionSource& source, Log& log, const StopToken& stop) {
  const DesignSpace designs = designs_of(config);
  const auto produce = [&] {
    const auto begin = std::chrono::steady_clock::now();
    const SearchSpace space(config.space);
    CompressedCosts costs(space, designs.designs(), config.codesign.batch);
    CompressedAccuracies accuracies(space, source.evaluator,
                                    {.path = dir.codesign_candidates(),
                                     .weights = fingerprint_of(source.inputs),
                                     .files = dir.files});
    std::vector<Architecture> archs;
    std::vector<double> start_accuracies;
    for (const StartNetwork& start : source.starts) {
      archs.push_back(start.arch);
      start_accuracies.push_back(start.accuracy);
    }
    const CompressionResult result = compress({.space = space,
                                               .starts = archs,
                                               .start_accuracies = start_accuracies,
                                               .designs = designs,
                                               .costs = costs,
                                               .accuracies = accuracies,
                                               .limits = limits_of(config.codesign)},
                                              config.codesign, config.search, config.seed, log,
                                              GroupStop(stop, dir.files.group()));
    const CompressionContext context{config, space, designs, source, result};
    CodesignRecord record = compression_record(context);
    if (source.finish) {
      record.compression->test_accuracy = source.finish(result.networks[result.best.network]);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    record.seconds = seconds.count();
    const std::string pairs = pairs_text(context, record);
    dir.files.on_root([&] {
      write_file(dir.pairs(), pairs);
      write_sealed_json(dir.codesign(), to_json(record));
    });
    return record;
  };
  const StageInputs inputs(config, {});
  return codesign_stage(dir, stages, inputs.codesign(source.inputs), produce, log, source.files);
}

}  // namespace hsconas
