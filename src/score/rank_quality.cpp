#include "hsconas/score/rank_quality.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/statistics.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

/// The indices of `values`, smallest value first.
std::vector<std::size_t> ascending(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

double tau_among(std::span<const std::size_t> networks, std::span<const double> measure,
                 std::span<const double> truth) {
  std::vector<double> x, y;
  for (const std::size_t network : networks) {
    x.push_back(measure[network]);
    y.push_back(truth[network]);
  }
  return kendall(x, y);
}

json as_json(const RankQuality& quality) {
  return {{"tau", quality.tau},
          {"tau_within_bins", quality.tau_within},
          {"tau_of_best_tenth", quality.tau_best},
          {"regret", quality.regret}};
}

}  // namespace

RankQuality rank_quality(std::span<const double> measure, std::span<const double> truth,
                         std::span<const double> macs, int bins) {
  const auto parts = static_cast<std::size_t>(bins);
  if (truth.size() < 2 * parts) {
    throw Error(ErrorKind::Usage,
                fmt::format("{} networks are too few for {} bins of at least two: use fewer bins "
                            "or more networks",
                            truth.size(), bins));
  }
  RankQuality quality{.tau = kendall(measure, truth)};
  const std::vector<std::size_t> by_macs = ascending(macs);
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = part * truth.size() / parts;
    const std::size_t end = (part + 1) * truth.size() / parts;
    quality.tau_within +=
        tau_among(std::span(by_macs).subspan(begin, end - begin), measure, truth) / bins;
  }
  const std::vector<std::size_t> by_truth = ascending(truth);
  const std::size_t best = std::max<std::size_t>(2, truth.size() / 10);
  quality.tau_best = tau_among(std::span(by_truth).last(best), measure, truth);
  const auto first = std::max_element(measure.begin(), measure.end());
  const bool has_first = *first > *std::min_element(measure.begin(), measure.end());
  quality.regret =
      has_first ? truth[by_truth.back()] - truth[static_cast<std::size_t>(first - measure.begin())]
                : std::numeric_limits<double>::quiet_NaN();
  return quality;
}

json to_json(const RankRecord& record) {
  json object{{"format", "hsconas-ranking-1"},
              {"networks", record.networks},
              {"images", record.images},
              {"bins", record.bins},
              {"shared_weights", as_json(record.shared)},
              {"multiply_adds", as_json(record.macs)}};
  if (record.likelihood) object["shared_likelihood"] = as_json(*record.likelihood);
  return object;
}

std::string format_ranking(const RankRecord& record) {
  std::string text = fmt::format(
      "{} networks, scored on {} images; Kendall's tau between their true accuracies and\n\n"
      "{:<18}{:>8}{:>18}{:>12}{:>20}\n",
      record.networks, record.images, "", "overall", fmt::format("in {} MAC bins", record.bins),
      "best tenth", "regret of the first");
  // Kendall's tau does not exist if all values are equal.
  const auto cell = [](double tau) { return std::isnan(tau) ? "-" : fmt::format("{:.3f}", tau); };
  const auto add = [&](const char* name, const RankQuality& quality) {
    text += fmt::format(
        "{:<18}{:>8}{:>18}{:>12}{:>20}\n", name, cell(quality.tau), cell(quality.tau_within),
        cell(quality.tau_best),
        std::isnan(quality.regret) ? "-" : fmt::format("{:.2f} %", 100.0 * quality.regret));
  };
  add("shared accuracy", record.shared);
  if (record.likelihood) add("shared likelihood", *record.likelihood);
  add("multiply-adds", record.macs);
  return text;
}

}  // namespace hsconas
