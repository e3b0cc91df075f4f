#include "hsconas/pipeline/codesign_run.hpp"

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
#include "hsconas/base/hash.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/codesign/methods.hpp"
#include "hsconas/codesign/rank_correlation.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/report/heat_map.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kFormat = "hsconas-codesign-1";
constexpr std::size_t kHeatMapDesigns = 36;

double or_infinite(double limit) {
  return limit > 0.0 ? limit : std::numeric_limits<double>::infinity();
}

Limits limits_of(const CodesignConfig& config) {
  return {.ms = or_infinite(config.max_latency_ms),
          .energy = or_infinite(config.max_energy),
          .area_mm2 = or_infinite(config.max_area_mm2),
          .power_mw = or_infinite(config.max_power_mw)};
}

/// The unit of the designs' energies. They are compared with each other, so it must be one.
std::string energy_unit(const DesignSpace& designs, const CodesignConfig& config) {
  std::string unit = find_energy_table(designs.designs()[0].energy).unit;
  for (const Accelerator& design : designs.designs()) {
    if (find_energy_table(design.energy).unit == unit) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{}: energies in {} and in {} cannot be compared: choose energy tables "
                            "of one unit",
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

json pair_json(const Pair& pair, const CodesignResult& result, const SearchSpace& space,
               const DesignSpace& designs) {
  return {{"arch", space.encode(result.networks[pair.network])},
          {"design", designs.designs()[pair.design].name},
          {"accuracy", pair.accuracy},
          {"latency_ms", pair.cost.ms},
          {"energy", pair.cost.energy}};
}

/// `most` of `count` indices, evenly spread, in order.
std::vector<std::size_t> spread(std::size_t count, std::size_t most) {
  std::vector<std::size_t> indices;
  const std::size_t n = std::min(count, most);
  for (std::size_t i = 0; i < n; ++i) {
    indices.push_back(n == 1 ? 0 : i * (count - 1) / (n - 1));
  }
  return indices;
}

/// The networks on which rankings are compared: the same for every method and proxy.
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

/// The correlations there are: none where a design costs the same for all networks.
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

/// Compares the rankings of the proxy and of every design; warns, writes ranks.csv and ranks.svg.
json check_ranks(const Config& config, const WorkDir& dir, const PairCostModel& costs,
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
  write_file(dir.ranks(), csv);
  const auto shown = spread(designs.size(), kHeatMapDesigns);
  const RankCorrelations matrix = rank_matrix(costs, sample, shown);
  HeatMap map{.title = fmt::format("Spearman of {} networks between designs", sample.size()),
              .subtitle = "below the diagonal latency, above it energy",
              .labels = {},
              .values = matrix.latency,
              .low = 0.0,
              .high = 1.0};
  for (std::size_t i = 0; i < shown.size(); ++i) {
    map.labels.push_back(designs.designs()[shown[i]].name);
    for (std::size_t k = i + 1; k < shown.size(); ++k) {
      map.values[i * shown.size() + k] = matrix.energy[i * shown.size() + k];
    }
  }
  // The colours share out what there is, from a round value below the lowest.
  map.low = std::min(0.9, std::floor(lowest(map.values) * 10.0) / 10.0);
  write_file(dir.ranks_plot(), to_svg(map));
  const std::string& name = designs.designs()[proxy].name;
  if (low > 0) {
    log.warn(fmt::format(
        "{} of {} designs rank networks unlike the proxy {} (Spearman below {}, down to {:.3f} in "
        "latency, {:.3f} in energy): what is best on the proxy may not be best on them; compare "
        "with codesign.method=coupled or another codesign.proxy",
        low, designs.size(), name, bar, lowest(ranks.latency), lowest(ranks.energy)));
  }
  return {{"networks", sample.size()},
          {"latency_median", median(numbers_in(ranks.latency))},
          {"latency_lowest", lowest(ranks.latency)},
          {"energy_median", median(numbers_in(ranks.energy))},
          {"energy_lowest", lowest(ranks.energy)},
          {"designs_below", low},
          {"below", bar}};
}

json pairs_json(const std::vector<Pair>& pairs, const CodesignResult& result,
                const SearchSpace& space, const DesignSpace& designs) {
  json list = json::array();
  for (const Pair& pair : pairs) list.push_back(pair_json(pair, result, space, designs));
  return list;
}

json inputs_of(const Config& config, const CodesignJudge& judge) {
  const json all = to_json(config);
  return {{"space", all["space"]},
          {"codesign", all["codesign"]},
          {"designs", fingerprint(read_file(config.codesign.designs))},
          {"search", all["search"]},
          {"seed", config.seed},
          {"judge", judge.inputs}};
}

}  // namespace

DesignSpace designs_of(const Config& config) {
  if (config.codesign.designs.empty()) {
    throw Error(ErrorKind::Usage,
                "codesign.designs is required: the accelerators to choose from, e.g. "
                "configs/designs/semi-decoupled.json");
  }
  DesignSpace designs = load_design_space(config.codesign.designs);
  energy_unit(designs, config.codesign);  // What cannot be compared is said before any work.
  return designs;
}

json codesign_report(const Config& config, const CodesignResult& result, const SearchSpace& space,
                     const DesignSpace& designs) {
  const std::string unit = energy_unit(designs, config.codesign);
  const Accelerator& design = designs.designs()[result.best.design];
  json best = pair_json(result.best, result, space, designs);
  best["layers"] = space.describe(result.networks[result.best.network]);
  best["area_mm2"] = area_of(design).total() / 1e6;
  if (unit == "pJ") best["power_mw"] = power_mw(result.best.cost);
  best["accelerator"] = to_json(design);
  json report = {
      {"format", kFormat},
      {"name", config.name},
      {"seed", config.seed},
      {"method", config.codesign.method},
      {"space", config.space.name},
      {"designs",
       {{"name", designs.name()}, {"count", designs.size()}, {"left_out", designs.left_out()}}},
      {"limits", limits_of(config.codesign).str()},
      {"batch", config.codesign.batch},
      {"energy_unit", unit},
      {"best", best},
      {"front", pairs_json(result.front, result, space, designs)},
      {"evaluations", {{"networks", result.counts.networks}, {"pairs", result.counts.pairs}}},
      {"pairs_csv", result.is_complete ? "all" : "front"}};
  if (result.proxy) report["proxy"] = designs.designs()[*result.proxy].name;
  if (config.codesign.method == "semi_decoupled") {
    report["proxy_set"] = pairs_json(result.proxy_set, result, space, designs);
  }
  return report;
}

void write_codesign(const WorkDir& dir, const CodesignResult& result, const SearchSpace& space,
                    const DesignSpace& designs, const json& report) {
  std::string csv = "arch,design,accuracy,latency_ms,energy\n";
  for (const Pair& pair : result.is_complete ? result.scored : result.front) {
    csv += fmt::format("{},{},{},{},{}\n", space.encode(result.networks[pair.network]),
                       designs.designs()[pair.design].name, format_exact(pair.accuracy),
                       format_exact(pair.cost.ms), format_exact(pair.cost.energy));
  }
  write_file(dir.pairs(), csv);
  write_sealed_json(dir.codesign(), report);
}

std::optional<json> finished_codesign(const WorkDir& dir, StageRecord& record, const json& inputs,
                                      Log& log) {
  if (record.is_done("codesign", inputs)) {
    log.info("codesign: done before with the same settings, reused");
    json report = read_sealed_json(dir.codesign());
    if (!report.is_object() || !report.contains("format") || report["format"] != kFormat) {
      throw Error(ErrorKind::Data,
                  dir.codesign().string() + ": not a result of codesign; use --overwrite");
    }
    return report;
  }
  for (const std::string& change : record.changes("codesign", inputs)) {
    log.info("codesign: runs again, " + change);
  }
  record.begin("codesign");
  return std::nullopt;
}

json run_codesign(const Config& config, const WorkDir& dir, StageRecord& record,
                  const CodesignJudge& judge, Log& log, const StopToken& stop) {
  const DesignSpace designs = designs_of(config);
  const std::size_t proxy = proxy_of(designs, config.codesign);
  const json inputs = inputs_of(config, judge);
  if (auto report = finished_codesign(dir, record, inputs, log)) return *report;
  const auto begin = std::chrono::steady_clock::now();
  const SearchSpace space(config.space);
  const CostTable costs(space, designs.designs(), config.codesign.batch);
  log.info(
      fmt::format("codesign: {} designs of {}, {} combinations left out that their dataflow "
                  "cannot arrange",
                  designs.size(), designs.name(), designs.left_out()));
  // candidates.csv shows latencies on the proxy.
  AccuracyCache accuracies(space, judge.evaluator,
                           judge.is_expensive ? dir.codesign_candidates() : std::filesystem::path(),
                           [&](const Architecture& arch, double accuracy) {
                             return AccuracyCache::Columns{costs.cost(arch, proxy).ms, accuracy};
                           });
  accuracies.set_weights(fingerprint_of(judge.inputs));
  const CodesignResult result = codesign({.accuracies = accuracies,
                                          .costs = costs,
                                          .designs = designs,
                                          .limits = limits_of(config.codesign),
                                          .networks = judge.networks},
                                         config.codesign, config.search, config.seed, log, stop);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  json report = codesign_report(config, result, space, designs);
  const auto sample = rank_sample(config, space, judge.networks);
  if (result.proxy && sample.size() > 2) {  // Fewer rank alike, or not, by chance.
    report["ranks"] = check_ranks(config, dir, costs, designs, *result.proxy, sample, log);
  }
  report["seconds"] = seconds.count();
  write_codesign(dir, result, space, designs, report);
  record.finish("codesign", inputs);
  return report;
}

std::string format_codesign(const json& result) {
  const json& best = result.at("best");
  const json& counts = result.at("evaluations");
  const auto number = [&](const char* key) { return best.at(key).get<double>(); };
  std::string unit = result.at("energy_unit");
  std::string text = fmt::format(
      "\n{} over {} x {} ({} designs, limits: {})\n\n", result.at("method").get<std::string>(),
      result.at("space").get<std::string>(), result.at("designs").at("name").get<std::string>(),
      result.at("designs").at("count").get<std::size_t>(), result.at("limits").get<std::string>());
  TextTable table({"network", "accelerator", "accuracy", "latency ms", "energy " + unit, "mm^2"});
  table.add({best.at("arch").get<std::string>(), best.at("design").get<std::string>(),
             fmt::format("{:.2f} %", 100.0 * number("accuracy")),
             fmt::format("{:.4f}", number("latency_ms")), fmt::format("{:.4g}", number("energy")),
             fmt::format("{:.3f}", number("area_mm2"))});
  text += table.str();
  text +=
      fmt::format("\n{} networks judged, {} pairs costed in {:.2f} s; {} pairs on the front\n",
                  counts.at("networks").get<std::int64_t>(), counts.at("pairs").get<std::int64_t>(),
                  result.at("seconds").get<double>(), result.at("front").size());
  if (result.contains("proxy_set")) {
    text += fmt::format("{} networks from the proxy {}\n", result.at("proxy_set").size(),
                        result.at("proxy").get<std::string>());
  }
  if (result.contains("ranks")) {
    const json& ranks = result.at("ranks");
    const auto rank = [&](const char* key) {
      return fmt::format("{:.3f}", ranks.at(key).get<double>());
    };
    text += fmt::format(
        "Spearman with the proxy: latency median {}, lowest {}; energy median {}, lowest {}\n",
        rank("latency_median"), rank("latency_lowest"), rank("energy_median"),
        rank("energy_lowest"));
  }
  if (result.contains("dance")) {
    const json& dance = result.at("dance");
    text += fmt::format(
        "energy x delay x area {:.4g}; {:.2f} % on the test set; {:.0f} % of the layers skipped\n",
        dance.at("edap").get<double>(), 100.0 * dance.at("test_accuracy").get<double>(),
        100.0 * dance.at("skip_share").get<double>());
    if (dance.contains("evaluator")) {
      const json& evaluator = dance.at("evaluator");
      text += fmt::format("the evaluator would have chosen {}, which costs {:.4f} times as much\n",
                          evaluator.at("design").get<std::string>(),
                          evaluator.at("regret").get<double>());
    }
  }
  text += fmt::format("network: {}\n", best.at("layers").get<std::string>());
  return text;
}

std::string describe_codesign(const Config& config, std::size_t networks) {
  const DesignSpace designs = designs_of(config);
  std::string unit = energy_unit(designs, config.codesign);
  const SearchSpace space(config.space);
  std::string text =
      fmt::format("networks: {} of {}\n",
                  networks > 0 ? fmt::format("{} with known accuracies", networks)
                               : fmt::format("{}, judged by the supernet",
                                             format_power(Subspace::full(space).log10_size())),
                  config.space.name);
  text += fmt::format("designs: {} of {}, {} combinations left out\n", designs.size(),
                      designs.name(), designs.left_out());
  for (const DesignAxis& axis : designs.axes()) {
    text += fmt::format("  {}: {}\n", axis.key, join(axis.values, " "));
  }
  text += fmt::format("limits: {} (energies in {})\n", limits_of(config.codesign).str(), unit);
  text += fmt::format("method: {}\n", config.codesign.method);
  const CodesignMethod& method = find_codesign_method(config.codesign.method);
  if (method.run != nullptr) {
    text += fmt::format("proxy: {}\n", designs.designs()[proxy_of(designs, config.codesign)].name);
  }
  text += method.plan(config.codesign, config.search, {networks, designs.size()});
  return text;
}

}  // namespace hsconas
