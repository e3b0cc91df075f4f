#include "hsconas/stages/codesign_run.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/accel/tables.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/codesign/methods.hpp"
#include "hsconas/codesign/optimum.hpp"
#include "hsconas/codesign/rank_correlation.hpp"
#include "hsconas/report/codesign_report.hpp"
#include "hsconas/report/heat_map.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/stages/load_run.hpp"
#include "hsconas/stages/stage.hpp"
#include "hsconas/stages/stage_inputs.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr std::size_t kHeatMapDesigns = 36;

double or_infinite(double limit) {
  return limit > 0.0 ? limit : std::numeric_limits<double>::infinity();
}

}  // namespace

Limits limits_of(const CodesignConfig& config) {
  return {.ms = or_infinite(config.max_latency_ms),
          .energy = or_infinite(config.max_energy),
          .area_mm2 = or_infinite(config.max_area_mm2),
          .power_mw = or_infinite(config.max_power_mw)};
}

std::string energy_unit(const DesignSpace& designs, const CodesignConfig& config) {
  std::string unit = find_energy_table(designs.designs()[0].energy).unit;
  for (const Accelerator& design : designs.designs()) {
    if (find_energy_table(design.energy).unit == unit) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{}: energies in {} and in {} cannot be compared: choose energy tables "
                            "with the same unit",
                            designs.name(), unit, find_energy_table(design.energy).unit));
  }
  if (config.max_power_mw > 0.0 && unit != "pJ") {
    throw Error(ErrorKind::Usage,
                fmt::format("codesign.max_power_mw needs designs whose energy table is in pJ, such "
                            "as accelergy-eyeriss, not in {}",
                            unit));
  }
  return unit;
}

namespace {

CodesignPair pair_of(const Pair& pair, const CodesignResult& result, const SearchSpace& space,
                     const DesignSpace& designs) {
  return {.arch = space.encode(result.networks[pair.network]),
          .design = designs.designs()[pair.design].name,
          .accuracy = pair.accuracy,
          .latency_ms = pair.cost.ms,
          .energy = pair.cost.energy};
}

std::vector<CodesignPair> pairs_of(const std::vector<Pair>& pairs, const CodesignResult& result,
                                   const SearchSpace& space, const DesignSpace& designs) {
  std::vector<CodesignPair> list;
  list.reserve(pairs.size());
  for (const Pair& pair : pairs) list.push_back(pair_of(pair, result, space, designs));
  return list;
}

/// At most `most` of the indices 0 ... count - 1, evenly spread and in ascending order.
std::vector<std::size_t> spread(std::size_t count, std::size_t most) {
  std::vector<std::size_t> indices;
  const std::size_t n = std::min(count, most);
  for (std::size_t i = 0; i < n; ++i) {
    indices.push_back(n == 1 ? 0 : i * (count - 1) / (n - 1));
  }
  return indices;
}

/// The networks on which rankings are compared. They do not depend on the method or the proxy, so
/// that correlations of several runs with the same seed can be compared.
std::vector<Architecture> rank_sample(const Config& config, const SearchSpace& space,
                                      std::span<const Architecture> networks) {
  Rng rng(config.seed, "ranks");
  std::vector<Architecture> sample;
  const auto count = static_cast<std::size_t>(config.codesign.rank_networks);
  if (networks.empty()) {
    while (sample.size() < count) sample.push_back(hsconas::sample(Subspace::full(space), rng));
    return sample;
  }
  sample.assign(networks.begin(), networks.end());
  rng.shuffle(std::span(sample));
  sample.resize(std::min(sample.size(), count));
  return sample;
}

/// The values that are numbers; {1} if there are none. A correlation is NaN if all networks cost
/// the same on one of the designs.
std::vector<double> numbers_in(const std::vector<double>& values) {
  std::vector<double> numbers;
  for (const double value : values) {
    if (!std::isnan(value)) numbers.push_back(value);
  }
  return numbers.empty() ? std::vector<double>{1.0} : numbers;
}

double lowest(const std::vector<double>& values) {
  const std::vector<double> numbers = numbers_in(values);
  return *std::min_element(numbers.begin(), numbers.end());
}

/// Compares the ranking of `sample` by the proxy with that by every design. Writes ranks.csv and
/// ranks.svg, and warns if some correlations are low.
RankSummary check_ranks(const Config& config, const WorkDir& dir, const PairCostModel& costs,
                        const DesignSpace& designs, std::size_t proxy,
                        std::span<const Architecture> sample, Log& log) {
  std::vector<std::size_t> all(designs.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const RankCorrelations ranks = rank_correlations(costs, sample, proxy, all);
  std::string csv = "design,latency_spearman,energy_spearman\n";
  std::size_t low = 0;
  const double bar = config.codesign.rank_warning;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const auto text = [](double value) {
      return std::isnan(value) ? std::string() : format_exact(value);
    };
    csv += fmt::format("{},{},{}\n", designs.designs()[i].name, text(ranks.latency[i]),
                       text(ranks.energy[i]));
    if (ranks.latency[i] < bar || ranks.energy[i] < bar) ++low;
  }
  const auto shown = spread(designs.size(), kHeatMapDesigns);
  const RankCorrelations matrix = rank_matrix(costs, sample, shown);
  RankMatrix shown_ranks{.designs = {}, .values = matrix.latency};
  for (std::size_t i = 0; i < shown.size(); ++i) {
    shown_ranks.designs.push_back(designs.designs()[shown[i]].name);
    for (std::size_t k = i + 1; k < shown.size(); ++k) {
      shown_ranks.values[i * shown.size() + k] = matrix.energy[i * shown.size() + k];
    }
  }
  dir.files.on_root([&] {
    write_file(dir.ranks(), csv);
    write_file(dir.ranks_plot(), to_svg(rank_map(shown_ranks, sample.size())));
  });
  const std::string& name = designs.designs()[proxy].name;
  if (low > 0) {
    log.warn(fmt::format(
        "{} of {} designs rank networks unlike the proxy {} (Spearman correlation below {}; the "
        "lowest is {:.3f} for latency, {:.3f} for energy), so the best networks on the proxy may "
        "not be the best on them; compare with codesign.method=coupled or another codesign.proxy",
        low, designs.size(), name, bar, lowest(ranks.latency), lowest(ranks.energy)));
  }
  return {.networks = sample.size(),
          .latency_median = median(numbers_in(ranks.latency)),
          .latency_lowest = lowest(ranks.latency),
          .energy_median = median(numbers_in(ranks.energy)),
          .energy_lowest = lowest(ranks.energy),
          .designs_below = low,
          .below = bar,
          .matrix = std::move(shown_ranks)};
}

/// The best of all pairs, if accuracies are known and there are few enough pairs.
std::optional<CodesignPair> optimum_of(const CodesignProblem& problem, const Config& config,
                                       const GroupStop& stop) {
  if (!may_try_all(config.codesign, problem.networks.size(), problem.designs.size())) return {};
  const auto best = optimal_pair(problem, stop);
  if (!best) return {};
  return CodesignPair{.arch = problem.accuracies.space().encode(best->network),
                      .design = problem.designs.designs()[best->design].name,
                      .accuracy = best->accuracy,
                      .latency_ms = best->cost.ms,
                      .energy = best->cost.energy};
}

/// Which networks there are to choose from; `known` of them have known accuracies.
std::string describe_networks(const Config& config, std::size_t known) {
  if (known > 0) return fmt::format("{} with known accuracies", known);
  if (find_codesign_method(config.codesign.method).has_start) {
    return fmt::format("{} trained ones and what they can be compressed to",
                       config.codesign.start.size());
  }
  const SearchSpace space(config.space);
  return fmt::format("{}, scored by the supernet",
                     format_power(Subspace::full(space).log10_size()));
}

}  // namespace

DesignSpace designs_of(const Config& config) {
  if (config.limits.any()) {
    throw Error(ErrorKind::Usage,
                "the section limits has no effect on a co-design: leave it out, and set "
                "codesign.max_... instead");
  }
  if (config.codesign.designs.empty()) {
    throw Error(ErrorKind::Usage,
                "codesign.designs is required: name the file of the designs to choose from, such "
                "as configs/designs/semi-decoupled.json");
  }
  DesignSpace designs = load_design_space(config.codesign.designs);
  energy_unit(designs, config.codesign);  // Throws now rather than after hours of search.
  return designs;
}

CodesignRecord start_record(const Config& config, const DesignSpace& designs) {
  return {.name = config.name,
          .seed = config.seed,
          .method = config.codesign.method,
          .space = config.space.name,
          .designs = designs.name(),
          .design_count = designs.size(),
          .left_out = designs.left_out(),
          .limits = limits_of(config.codesign).str(),
          .batch = config.codesign.batch,
          .energy_unit = energy_unit(designs, config.codesign)};
}

void set_best(CodesignRecord& record, CodesignPair pair, std::string layers,
              const Accelerator& design) {
  record.best = {
      std::move(pair), std::move(layers), area_of(design).total() / 1e6, {}, to_json(design)};
  if (record.energy_unit != "pJ") return;
  record.best.power_mw = power_mw({.ms = record.best.latency_ms, .energy = record.best.energy});
}

CodesignRecord codesign_record(const Config& config, const CodesignResult& result,
                               const SearchSpace& space, const DesignSpace& designs) {
  CodesignRecord record = start_record(config, designs);
  set_best(record, pair_of(result.best, result, space, designs),
           space.describe(result.networks[result.best.network]),
           designs.designs()[result.best.design]);
  record.front = pairs_of(result.front, result, space, designs);
  record.networks = result.counts.networks;
  record.pairs = result.counts.pairs;
  record.pairs_csv = result.is_complete ? "all" : "front";
  if (result.proxy) record.proxy = designs.designs()[*result.proxy].name;
  if (config.codesign.method == "semi_decoupled") {
    record.proxy_set = pairs_of(result.proxy_set, result, space, designs);
  }
  return record;
}

void write_codesign(const WorkDir& dir, const CodesignResult& result, const SearchSpace& space,
                    const DesignSpace& designs, const CodesignRecord& record) {
  std::string csv = "arch,design,accuracy,latency_ms,energy\n";
  for (const Pair& pair : result.is_complete ? result.scored : result.front) {
    csv += fmt::format("{},{},{},{},{}\n", space.encode(result.networks[pair.network]),
                       designs.designs()[pair.design].name, format_exact(pair.accuracy),
                       format_exact(pair.cost.ms), format_exact(pair.cost.energy));
  }
  dir.files.on_root([&] {
    write_file(dir.pairs(), csv);
    write_sealed_json(dir.codesign(), to_json(record));
  });
}

CodesignRecord codesign_stage(const WorkDir& dir, StageRecord& stages, json inputs,
                              const std::function<CodesignRecord()>& produce, Log& log,
                              std::vector<std::filesystem::path> others) {
  std::vector<std::filesystem::path> outputs = std::move(others);
  outputs.push_back(dir.codesign());
  CodesignRecord record;
  run_stage({.name = "codesign",
             .inputs = std::move(inputs),
             .outputs = std::move(outputs),
             .produce = [&] { record = produce(); },
             .load =
                 [&] {
                   record = read_codesign_record(dir.files.read_sealed_json(dir.codesign()),
                                                 dir.codesign().string());
                   return true;
                 }},
            stages, log);
  return record;
}

void write_codesign_report(const WorkDir& dir) {
  dir.files.on_root(
      [&] { write_file(dir.report(), codesign_report(load_codesign_run(dir.root))); });
}

CodesignRecord run_codesign(const Config& config, const WorkDir& dir, StageRecord& stages,
                            const AccuracySource& source, Log& log, const StopToken& stop) {
  const DesignSpace designs = designs_of(config);
  const std::size_t proxy = proxy_of(designs, config.codesign);
  const auto produce = [&] {
    const auto begin = std::chrono::steady_clock::now();
    const SearchSpace space(config.space);
    const CostTable costs(space, designs.designs(), config.codesign.batch);
    log.info(
        fmt::format("codesign: {} designs of {}; {} combinations are left out because their "
                    "dataflow cannot use them",
                    designs.size(), designs.name(), designs.left_out()));
    // The latencies in codesign-candidates.csv are those on the proxy.
    AccuracyCache accuracies(
        space, source.evaluator,
        source.is_expensive ? dir.codesign_candidates() : std::filesystem::path(),
        [&](const Architecture& arch, double accuracy) {
          return AccuracyCache::Columns{costs.cost(arch, proxy).ms, accuracy};
        },
        dir.files);
    accuracies.set_weights(fingerprint_of(source.inputs));
    const CodesignProblem problem{.accuracies = accuracies,
                                  .costs = costs,
                                  .designs = designs,
                                  .limits = limits_of(config.codesign),
                                  .networks = source.networks};
    const GroupStop group_stop(stop, dir.files.group());
    const CodesignResult result =
        codesign(problem, config.codesign, config.search, config.seed, log, group_stop);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    CodesignRecord record = codesign_record(config, result, space, designs);
    const auto sample = rank_sample(config, space, source.networks);
    if (result.proxy && sample.size() > 2) {  // A correlation of two networks is always 1 or -1.
      record.ranks = check_ranks(config, dir, costs, designs, *result.proxy, sample, log);
    }
    record.optimum = optimum_of(problem, config, group_stop);
    record.seconds = seconds.count();
    write_codesign(dir, result, space, designs, record);
    return record;
  };
  const StageInputs inputs(config, {});
  return codesign_stage(dir, stages, inputs.codesign(source.inputs), produce, log);
}

std::string describe_codesign(const Config& config, std::size_t networks) {
  const DesignSpace designs = designs_of(config);
  const CodesignMethod& method = find_codesign_method(config.codesign.method);
  std::string text =
      fmt::format("networks: {} of {}\n", describe_networks(config, networks), config.space.name);
  text += fmt::format("designs: {} of {}, {} combinations left out\n", designs.size(),
                      designs.name(), designs.left_out());
  for (const DesignAxis& axis : designs.axes()) {
    text += fmt::format("  {}: {}\n", axis.key, join(axis.values, " "));
  }
  text += fmt::format("limits: {} (energies in {})\n", limits_of(config.codesign).str(),
                      energy_unit(designs, config.codesign));
  text += fmt::format("method: {}\n", config.codesign.method);
  if (method.run != nullptr) {
    text += fmt::format("proxy: {}\n", designs.designs()[proxy_of(designs, config.codesign)].name);
  }
  text += method.plan(config.codesign, config.search, {networks, designs.size()});
  if (may_try_all(config.codesign, networks, designs.size())) {
    text += "the result is compared with the best of all pairs\n";
  }
  return text;
}

}  // namespace hsconas
