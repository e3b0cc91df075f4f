#include "hsconas/stages/result.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/report/limits_table.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/space/balls.hpp"

namespace hsconas {

namespace {

NetworkRegion::Extremes by_macs(const SearchSpace& space, const NetworkRegion& region) {
  return region.extremes(
      [&](const Architecture& arch) { return static_cast<double>(space.cost(arch).macs); });
}

std::string signed_percent(double ratio) {
  return std::isfinite(ratio) ? fmt::format("{:+.1f} %", (ratio - 1.0) * 100.0) : "-";
}

}  // namespace

Architecture smallest(const SearchSpace& space) {
  return space.canonical(by_macs(space, Subspace::full(space)).least);
}

Architecture largest(const SearchSpace& space) {
  return largest(space, Subspace::full(space));
}

Architecture largest(const SearchSpace& space, const NetworkRegion& region) {
  return space.canonical(by_macs(space, region).greatest);
}

ComparedArchitecture compared(std::string title, const Candidate& candidate,
                              const SearchSpace& space, const LatencyTable& table) {
  return compared(std::move(title), candidate, space, table.error_percent);
}

ComparedArchitecture compared(std::string title, const Candidate& candidate,
                              const SearchSpace& space, double error_percent) {
  const Cost cost = space.is_cell() ? Cost{} : space.cost(candidate.arch);
  return {.title = std::move(title),
          .arch = space.encode(candidate.arch),
          .layers = space.describe(candidate.arch),
          .accuracy = candidate.accuracy,
          .score = candidate.score,
          .predicted_ms = candidate.latency_ms,
          .error_ms = error_percent / 100.0 * candidate.latency_ms,
          .measured_ms = {},
          .macs = cost.macs,
          .parameters = cost.parameters()};
}

ScoredArchitecture scored(const Candidate& candidate, const SearchSpace& space) {
  return {.arch = space.encode(candidate.arch),
          .accuracy = candidate.accuracy,
          .latency_ms = candidate.latency_ms,
          .score = candidate.score};
}

void add_limits(ResultRecord& result, const SearchSpace& space, const NetworkLimits& limits) {
  if (limits.empty()) return;
  for (const NetworkLimit& limit : limits.all()) {
    result.limits.push_back(
        {.key = limit.key, .what = limit.what, .unit = limit.unit, .bound = limit.bound});
  }
  result.winner.limited = limits.values(space.decode(result.winner.arch));
  for (ComparedArchitecture& other : result.others) {
    other.limited = limits.values(space.decode(other.arch));
  }
}

ShrinkRecord::Layer layer_of(const LayerDecision& decision, const SearchSpace& space) {
  ShrinkRecord::Layer layer{
      .layer = decision.layer, .kept = space.op(decision.kept).name, .operators = {}};
  for (const OperatorQuality& quality : decision.operators) {
    layer.operators.push_back({.op = space.op(quality.op).name,
                               .q = quality.q,
                               .spread = quality.spread,
                               .difference = quality.difference,
                               .standard_error = quality.standard_error,
                               .within_budget = quality.within_budget});
  }
  return layer;
}

ShrinkRecord::Stage stage_of(std::string name, const NetworkRegion& before,
                             const ShrunkRegion& after, const SearchSpace& space) {
  ShrinkRecord::Stage stage{.name = std::move(name),
                            .log10_size_before = before.log10_size(),
                            .log10_size_after = after.region->log10_size(),
                            .layers = {}};
  for (const LayerDecision& decision : after.decisions) {
    stage.layers.push_back(layer_of(decision, space));
  }
  for (const ShrinkRound& round : after.rounds) {
    stage.rounds.push_back({.log10_size = round.log10_size,
                            .samples = round.samples,
                            .mean = round.mean,
                            .standard_error = round.standard_error,
                            .is_kept = round.is_kept});
  }
  if (const auto* balls = dynamic_cast<const Balls*>(after.region.get())) {
    stage.radius = balls->radius();
    stage.size_error = balls->size().relative_error;
    for (const Architecture& seed : balls->seeds()) stage.seeds.push_back(space.encode(seed));
  }
  std::vector<Architecture> best;
  for (const Candidate& candidate : after.best) best.push_back(candidate.arch);
  stage.best = static_cast<int>(best.size());
  stage.diversity = mean_distance(space, best);
  return stage;
}

namespace {

/// The columns of the table of compared architectures that a result has.
struct ResultColumns {
  bool has_reported = false;
  bool has_latency = true;
  bool is_measured = false;
  bool has_cost = true;  ///< Multiply-adds and parameters.
  std::string predicted;

  explicit ResultColumns(const ResultRecord& result)
      : has_reported(result.winner.reported.has_value()),
        has_latency(result.has_budget()),
        is_measured(result.winner.measured_ms.has_value()),
        has_cost(result.winner.macs > 0),
        predicted(result.known ? result.latency_unit() : "predicted ms") {}

  std::vector<std::string> head() const {
    std::vector<std::string> cells{"", "accuracy"};
    if (has_reported) cells.emplace_back("reported");
    cells.emplace_back("F");
    if (has_latency) cells.insert(cells.end(), {predicted, "vs T"});
    if (is_measured) cells.insert(cells.end(), {"measured ms", "vs predicted"});
    if (has_cost) cells.insert(cells.end(), {"MACs (M)", "params (M)"});
    return cells;
  }

  std::vector<std::string> row(const ComparedArchitecture& row, const ResultRecord& result) const {
    std::vector<std::string> cells{row.title, fmt::format("{:.2f} %", row.accuracy * 100.0)};
    if (has_reported) cells.push_back(fmt::format("{:.2f} %", row.reported.value_or(0.0) * 100.0));
    cells.push_back(fmt::format("{:.4f}", row.score));
    if (has_latency) {
      cells.push_back(result.format_latency(row.predicted_ms));
      cells.push_back(signed_percent(row.predicted_ms / result.target_ms));
    }
    if (is_measured) {
      const double measured = row.measured_ms.value_or(0.0);
      cells.push_back(fmt::format("{:.3f}", measured));
      cells.push_back(signed_percent(measured / row.predicted_ms));
    }
    if (has_cost) {
      cells.push_back(fmt::format("{:.2f}", row.millions_of_macs()));
      cells.push_back(fmt::format("{:.3f}", row.millions_of_parameters()));
    }
    return cells;
  }
};

/// The budget T and where latencies come from, in a line.
std::string budget_line(const ResultRecord& result) {
  if (!result.has_budget()) return "no latency budget: F is the accuracy";
  if (!result.known) {
    return fmt::format("T = {:.3f} ms per batch of {} on {}", result.target_ms, result.batch,
                       result.device);
  }
  return fmt::format("T = {:.6g} {}, {}", result.target_ms, result.known->latency_unit,
                     result.known->latency_from);
}

std::string about_accuracies(const ResultRecord& result) {
  const std::string near = result.has_budget() ? "\nwithin 10 % of T" : "";
  if (!result.known) {
    return fmt::format(
        "\nAccuracies are on held-out training images, with shared weights. {} random "
        "architectures{} have a median accuracy of {:.2f} %. On the test set, the winner has "
        "{:.2f} "
        "%.\n\n",
        result.random.size(), near, result.random_median * 100.0, result.test_accuracy * 100.0);
  }
  const KnownSources& known = *result.known;
  std::string text = fmt::format(
      "\nAccuracies are those in column {} of {};\nnothing was trained. {} random "
      "architectures{} have a median accuracy of {:.2f} %.\n",
      known.accuracy_column, known.accuracies, result.random.size(), near,
      result.random_median * 100.0);
  if (result.winner.reported) {
    text += fmt::format("In column {}, which the search has not seen, the winner has {:.2f} %.\n",
                        known.reported_column, *result.winner.reported * 100.0);
  }
  return text + "\n";
}

std::string about_error_bar(const ResultRecord& result) {
  const ComparedArchitecture& winner = result.winner;
  if (winner.error_ms <= 0.0) return "";
  return fmt::format(
      "Latency model: for 90 % of networks the prediction is within {:.1f} %; for the winner "
      "that "
      "is\n{:.3f} +- {:.3f} ms.\n{}\n",
      100.0 * winner.error_ms / winner.predicted_ms, winner.predicted_ms, winner.error_ms,
      winner.is_near(result.target_ms)
          ? "T lies inside that error bar, so the winner may exceed the budget.\n"
          : "");
}

std::string about_front(const ResultRecord& result) {
  if (result.front.empty()) return "";
  const ScoredArchitecture& fastest = result.front.front();
  const ScoredArchitecture& slowest = result.front.back();
  return fmt::format(
      "{} architectures form the front of accuracy and latency, from {:.4g} {} ({:.2f} %) to\n"
      "{:.4g} {} ({:.2f} %); see result.json and report.html.\n",
      result.front.size(), fastest.latency_ms, result.latency_unit(), fastest.accuracy * 100.0,
      slowest.latency_ms, result.latency_unit(), slowest.accuracy * 100.0);
}

std::string about_collapse(const ResultRecord& result) {
  if (!result.is_collapsed) return "";
  return fmt::format(
      "{} has collapsed: its last most probable network skips every layer that can be skipped.\n",
      result.method);
}

}  // namespace

std::string format_result(const ResultRecord& result) {
  const ResultColumns columns(result);
  TextTable table(columns.head());
  table.add(columns.row(result.winner, result));
  for (const ComparedArchitecture& other : result.others) {
    table.add(columns.row(other, result));
  }
  std::string text = fmt::format("\n{}\n\n{}", budget_line(result), table.str());
  if (!result.limits.empty()) {
    TextTable limits(limits_head(result));
    for (auto& row : limits_rows(result)) limits.add(std::move(row));
    text += '\n' + limits.str();
  }
  if (!columns.is_measured && !result.known) {
    text += "\nLatencies are predicted: T is for another device, so nothing was timed here.\n";
  }
  text += about_accuracies(result) + about_error_bar(result) + about_front(result) +
          about_collapse(result);
  return text + fmt::format("winner: {}\n  {}\n", result.winner.arch, result.winner.layers);
}

std::string format_shrunk(const SearchSpace& space, const NetworkRegion& region) {
  std::string text =
      fmt::format("{} -> {} architectures\n", format_power(Subspace::full(space).log10_size()),
                  format_power(region.log10_size()));
  for (int layer = 0; layer < space.layers(); ++layer) {
    const std::vector<int> ops = region.ops_at(layer);
    if (ops.size() == 1) text += fmt::format("layer {}: {}\n", layer, space.op(ops[0]).name);
  }
  const auto* balls = dynamic_cast<const Balls*>(&region);
  if (balls == nullptr) return text;
  text += fmt::format("in balls of radius {} around\n", balls->radius());
  for (const Architecture& seed : balls->seeds()) {
    text += fmt::format("{}: {}\n", space.encode(seed), space.describe(seed));
  }
  return text;
}

nlohmann::json shrunk_json(const SearchSpace& space, const NetworkRegion& region) {
  nlohmann::json kept = nlohmann::json::array();
  for (int layer = 0; layer < space.layers(); ++layer) {
    nlohmann::json names = nlohmann::json::array();
    for (const int op : region.ops_at(layer)) names.push_back(space.op(op).name);
    kept.push_back(std::move(names));
  }
  nlohmann::json object{{"log10_size", region.log10_size()}, {"operators", kept}};
  if (const auto* balls = dynamic_cast<const Balls*>(&region)) {
    object["radius"] = balls->radius();
    for (const Architecture& seed : balls->seeds()) object["seeds"].push_back(space.encode(seed));
  }
  return object;
}

std::string describe_space(const SearchSpace& space) {
  const Subspace full = Subspace::full(space);
  if (space.is_cell()) {
    return fmt::format("space {}: a cell with {} edges, {} operators, {} architectures",
                       space.description().name, space.layers(), space.ops(),
                       format_power(full.log10_size()));
  }
  return fmt::format(
      "space {}: {} layers, {} operators x {} widths, {} architectures ({} different networks), "
      "{:.2f} to {:.2f} M MACs",
      space.description().name, space.layers(), space.ops(), space.widths(),
      format_power(full.log10_size()), format_power(log10_distinct(space, full)),
      static_cast<double>(space.cost(smallest(space)).macs) / 1e6,
      static_cast<double>(space.cost(largest(space)).macs) / 1e6);
}

}  // namespace hsconas
