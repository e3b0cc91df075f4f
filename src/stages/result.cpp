#include "hsconas/stages/result.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/report/limits_table.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas {

namespace {

NetworkRegion::Extremes by_macs(const SearchSpace& space, const NetworkRegion& region) {
  return region.extremes(
      [&](const Architecture& arch) { return static_cast<double>(space.cost(arch).macs); });
}

std::string signed_percent(double ratio) {
  return fmt::format("{:+.1f} %", (ratio - 1.0) * 100.0);
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
  const Cost cost = space.cost(candidate.arch);
  return {.title = std::move(title),
          .arch = space.encode(candidate.arch),
          .layers = space.describe(candidate.arch),
          .accuracy = candidate.accuracy,
          .score = candidate.score,
          .predicted_ms = candidate.latency_ms,
          .error_ms = table.error_percent / 100.0 * candidate.latency_ms,
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

std::string format_result(const ResultRecord& result) {
  const ComparedArchitecture& winner = result.winner;
  const bool is_measured = winner.measured_ms.has_value();
  std::vector<std::string> head{"", "accuracy", "F", "predicted ms", "vs T"};
  if (is_measured) head.insert(head.end(), {"measured ms", "vs predicted"});
  head.insert(head.end(), {"MACs (M)", "params (M)"});
  TextTable table(head);
  const auto add = [&](const ComparedArchitecture& row) {
    std::vector<std::string> cells{row.title, fmt::format("{:.2f} %", row.accuracy * 100.0),
                                   fmt::format("{:.4f}", row.score),
                                   fmt::format("{:.3f}", row.predicted_ms),
                                   signed_percent(row.predicted_ms / result.target_ms)};
    if (is_measured) {
      const double measured = row.measured_ms.value_or(0.0);
      cells.push_back(fmt::format("{:.3f}", measured));
      cells.push_back(signed_percent(measured / row.predicted_ms));
    }
    cells.push_back(fmt::format("{:.2f}", row.millions_of_macs()));
    cells.push_back(fmt::format("{:.3f}", row.millions_of_parameters()));
    table.add(std::move(cells));
  };
  add(winner);
  for (const ComparedArchitecture& other : result.others) add(other);
  std::string text = fmt::format("\nT = {:.3f} ms per batch of {} on {}\n\n", result.target_ms,
                                 result.batch, result.device);
  text += table.str();
  if (!result.limits.empty()) {
    TextTable limits(limits_head(result));
    for (auto& row : limits_rows(result)) limits.add(std::move(row));
    text += '\n';
    text += limits.str();
  }
  if (!is_measured) {
    text += "\nLatencies are predicted: T is for another device, so nothing was timed here.\n";
  }
  text += fmt::format(
      "\nAccuracies are on held-out training images, with shared weights. {} random architectures\n"
      "within 10 % of T have a median accuracy of {:.2f} %. On the test set, the winner has {:.2f} "
      "%.\n\n",
      result.random.size(), result.random_median * 100.0, result.test_accuracy * 100.0);
  if (winner.error_ms > 0.0) {
    text += fmt::format(
        "Latency model: for 90 % of networks the prediction is within {:.1f} %; for the winner "
        "that "
        "is\n{:.3f} +- {:.3f} ms.\n{}\n",
        100.0 * winner.error_ms / winner.predicted_ms, winner.predicted_ms, winner.error_ms,
        winner.is_near(result.target_ms)
            ? "T lies inside that error bar, so the winner may exceed the budget.\n"
            : "");
  }
  text += fmt::format("winner: {}\n  {}\n", winner.arch, winner.layers);
  return text;
}

std::string describe_space(const SearchSpace& space) {
  const Subspace full = Subspace::full(space);
  return fmt::format(
      "space {}: {} layers, {} operators x {} widths, {} architectures ({} different networks), "
      "{:.2f} to {:.2f} M MACs",
      space.description().name, space.layers(), space.ops(), space.widths(),
      format_power(full.log10_size()), format_power(log10_distinct(space, full)),
      static_cast<double>(space.cost(smallest(space)).macs) / 1e6,
      static_cast<double>(space.cost(largest(space)).macs) / 1e6);
}

}  // namespace hsconas
