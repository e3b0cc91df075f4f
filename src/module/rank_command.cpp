#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "entries.hpp"
#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/output_file.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/score/rank_quality.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

namespace fs = std::filesystem;

/// The networks to rank, and what is known of each, in the same order.
struct RankedNetworks {
  std::vector<Architecture> archs;
  std::vector<double> truth;  ///< Known accuracies, in [0, 1].
  std::vector<double> macs;
  std::vector<double> shared;      ///< Accuracies with shared weights, in [0, 1].
  std::vector<double> likelihood;  ///< Judgement::likelihood; empty if it is unknown.
};

/// At most `most` of the networks of `accuracies` that are in `region`, drawn at random, in their
/// own order.
RankedNetworks draw_networks(const SearchSpace& space, const TableEvaluator& accuracies,
                             const NetworkRegion& region, std::size_t most, std::uint64_t seed) {
  RankedNetworks drawn{.archs = accuracies.architectures()};
  std::erase_if(drawn.archs, [&](const Architecture& arch) { return !region.contains(arch); });
  Rng rng(seed, "rank");
  rng.shuffle(std::span(drawn.archs));
  drawn.archs.resize(std::min(most, drawn.archs.size()));
  std::ranges::sort(drawn.archs);  // Neighbours then share the activations of their first layers.
  for (const Architecture& arch : drawn.archs) {
    drawn.truth.push_back(accuracies.accuracy(arch));
    drawn.macs.push_back(static_cast<double>(space.cost(arch).macs));
  }
  return drawn;
}

void take(RankedNetworks& networks, const std::vector<Judgement>& judgements) {
  bool is_known = true;
  for (const Judgement& judgement : judgements) {
    networks.shared.push_back(judgement.accuracy);
    networks.likelihood.push_back(judgement.likelihood);
    is_known = is_known && judgement.likelihood > 0.0;
  }
  if (!is_known) networks.likelihood.clear();
}

RankRecord compare(const RankedNetworks& networks, int images, int bins) {
  const auto quality = [&](const std::vector<double>& measure) {
    return rank_quality(measure, networks.truth, networks.macs, bins);
  };
  RankRecord record{.networks = static_cast<int>(networks.archs.size()),
                    .images = images,
                    .bins = bins,
                    .shared = quality(networks.shared),
                    .likelihood = {},
                    .macs = quality(networks.macs)};
  if (!networks.likelihood.empty()) record.likelihood = quality(networks.likelihood);
  return record;
}

std::string as_csv(const SearchSpace& space, const RankedNetworks& networks) {
  const bool has_likelihood = !networks.likelihood.empty();
  std::string text = fmt::format("arch,accuracy,shared_accuracy,{}macs\n",
                                 has_likelihood ? "shared_likelihood," : "");
  for (std::size_t i = 0; i < networks.archs.size(); ++i) {
    text += fmt::format("{},{},{},", space.encode(networks.archs[i]), networks.truth[i],
                        networks.shared[i]);
    if (has_likelihood) text += fmt::format("{},", networks.likelihood[i]);
    text += fmt::format("{}\n", networks.macs[i]);
  }
  return text;
}

/// The config of a run with a folder of its own, with some settings changed.
Config config_of_run(const fs::path& folder, const std::vector<std::string>& changes) {
  const fs::path file = WorkDir{folder}.config();
  if (is_there(file)) return load_config(file, changes);
  throw Error(
      ErrorKind::Data,
      folder.string() + (is_there(folder) ? ": is not the folder of a run: it holds no config.json"
                                          : ": does not exist; name the folder of a run"));
}

/// Throws Error(Usage) for a word that changes more than how a network is scored.
void check_settings(const std::vector<std::string>& settings) {
  static const std::vector<std::string> known{"score.calibration_images", "score.validation_images",
                                              "score.batch", "score.precision", "score.memory_mb"};
  for (const std::string& word : settings) {
    const std::string key = word.substr(0, word.find('='));
    if (std::ranges::find(known, key) != known.end()) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{}: rank compares a run as it is, and takes only the settings with "
                            "which it scores: {}",
                            word, hsconas::join(known, ", ")));
  }
}

/// Throws Error(Data) if weights that are to be ranked are missing: a comparison trains nothing.
/// Throws Error(Usage) if the run has no weights of that kind.
void check_trained(Run& run, const Config& config, const RankOptions& options) {
  if (!run.has_supernet()) {
    throw Error(ErrorKind::Data,
                fmt::format("{0}: its supernet is not trained to the end: continue with hsconas "
                            "train --config {0}/config.json --work-dir {0} --resume",
                            options.folder));
  }
  if (options.tuned && config.shrink.stages.empty()) {
    throw Error(
        ErrorKind::Usage,
        fmt::format("{}: has no shrink.stages, so its supernet was not tuned: leave --tuned out",
                    options.folder));
  }
  if (options.tuned && !run.is_shrunk()) {
    throw Error(ErrorKind::Data,
                fmt::format("{0}: its space is not shrunk to the end, as --tuned needs: continue "
                            "with hsconas shrink --config {0}/config.json --work-dir {0} --resume",
                            options.folder));
  }
}

}  // namespace

void run_rank(RankOptions options, CommandContext& context) {
  check_output(options.out, {options.accuracies});
  const GroupFiles files(context.group);
  check_settings(options.settings);
  const Config config = config_of_run(options.folder, {});
  const Config scoring = config_of_run(options.folder, options.settings);
  require_same_config(*context.group, scoring);
  open_device(config.device.type);
  const SearchSpace space(config.space);
  const TableEvaluator accuracies(space, options.accuracies, options.column);
  const auto draw_from = [&](const NetworkRegion& region) {
    return draw_networks(space, accuracies, region, static_cast<std::size_t>(options.networks),
                         config.seed);
  };
  RankedNetworks networks = draw_from(Subspace::full(space));
  // Too few networks are found out before they are scored.
  rank_quality(networks.macs, networks.truth, networks.macs, options.bins);
  Run run(config, WorkDir::open(options.folder, WorkDirMode::Resume, false, files), context.log,
          context.stop, {.goal = RunGoal::Supernet});
  check_trained(run, config, options);
  if (options.tuned) {
    networks = draw_from(run.shrunk());
    if (std::ssize(networks.archs) < 2 * options.bins) {
      throw Error(ErrorKind::Usage,
                  fmt::format("{}: has accuracies of {} networks in the space that shrinking left, "
                              "which are too few for {} bins of at least two: add networks of that "
                              "space, or use fewer bins",
                              options.accuracies, networks.archs.size(), options.bins));
    }
    run.tuned();
  } else {
    run.supernet();
  }
  run.score_with(scoring.score);
  take(networks, run.shared_judgements(networks.archs));
  const RankRecord record = compare(networks, scoring.validation_images(), options.bins);
  files.on_root([&] {
    // Printed first, so that a full disk does not lose what took minutes to compute.
    fmt::print("{}", context.options.json ? to_json(record).dump() + "\n" : format_ranking(record));
    if (!options.out.empty()) write_file(options.out, as_csv(space, networks));
  });
}

}  // namespace hsconas
