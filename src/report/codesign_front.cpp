#include "codesign_front.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "page.hpp"
#include "run_sections.hpp"

namespace hsconas {

namespace {

constexpr std::size_t kFewest = 9;     ///< Fronts of fewer pairs are not divided by energy.
constexpr std::size_t kMostRows = 40;  ///< Of a table of pairs.
constexpr int kFrontLooks[] = {0, 2, 4};
constexpr int kBestLook = 1;
constexpr int kOptimumLook = 3;

/// A metric on the horizontal axis.
struct Axis {
  const char* title;
  std::string label;
  double CodesignPair::*value;
  double limit;  ///< 0: no limit.
  std::string unit;
};

/// Points of a plot with one look.
PlotSeries series_of(std::string name, Mark mark, int look) {
  return {.name = std::move(name), .x = {}, .y = {}, .mark = mark, .look = look};
}

void add(PlotSeries& series, const CodesignPair& pair, const Axis& axis,
         const std::string& energy_unit) {
  series.x.push_back(pair.*axis.value);
  series.y.push_back(100.0 * pair.accuracy);
  series.notes.push_back(note_on(pair, energy_unit));
}

/// The front in three series of about the same size, by energy; a small one in a single series.
std::vector<PlotSeries> front_series(const CodesignRecord& found, const Axis& axis) {
  std::vector<double> energies;
  for (const CodesignPair& pair : found.front) energies.push_back(pair.energy);
  std::sort(energies.begin(), energies.end());
  std::vector<PlotSeries> series;
  std::vector<double> bounds;  // The highest energy of each series but the last.
  if (energies.size() < kFewest || energies.front() == energies.back()) {
    series.push_back(series_of("Pareto front", Mark::Points, kFrontLooks[0]));
  } else {
    bounds = {energies[energies.size() / 3], energies[2 * energies.size() / 3]};
    const std::string& unit = found.energy_unit;
    const std::vector<std::string> names{
        fmt::format("front, energy up to {:.3g} {}", bounds[0], unit),
        fmt::format("front, energy {:.3g} to {:.3g} {}", bounds[0], bounds[1], unit),
        fmt::format("front, energy above {:.3g} {}", bounds[1], unit)};
    for (std::size_t i = 0; i < names.size(); ++i) {
      series.push_back(series_of(names[i], Mark::Points, kFrontLooks[i]));
    }
  }
  for (const CodesignPair& pair : found.front) {
    const auto part = std::count_if(bounds.begin(), bounds.end(),
                                    [&](double bound) { return pair.energy > bound; });
    add(series[static_cast<std::size_t>(part)], pair, axis, found.energy_unit);
  }
  return series;
}

Plot front_plot(const CodesignRun& codesign, const Axis& axis) {
  const CodesignRecord& found = *codesign.found;
  Plot plot{.title = axis.title,
            .x_label = axis.label,
            .y_label = codesign_accuracy_axis(codesign.run),
            .series = front_series(found, axis)};
  const bool is_optimal = found.is_optimal();
  PlotSeries best = series_of(is_optimal ? "best pair found, the best of all" : "best pair found",
                              Mark::Ring, kBestLook);
  add(best, found.best, axis, found.energy_unit);
  plot.series.push_back(std::move(best));
  if (found.optimum && !is_optimal) {
    PlotSeries optimum = series_of("best of all pairs", Mark::Ring, kOptimumLook);
    add(optimum, *found.optimum, axis, found.energy_unit);
    plot.series.push_back(std::move(optimum));
  }
  if (axis.limit > 0.0) {
    plot.lines.push_back(
        {.name = fmt::format("limit {:.4g} {}", axis.limit, axis.unit), .at = axis.limit});
  }
  return plot;
}

}  // namespace

std::string codesign_accuracy_axis(const RunRecord& run) {
  return run.config.codesign.accuracies.empty() ? "accuracy on held-out images, %"
                                                : "known accuracy, %";
}

std::string name_of(const CodesignPair& pair) {
  return pair.arch + " on " + pair.design;
}

std::string note_on(const CodesignPair& pair, const std::string& energy_unit) {
  return fmt::format("{}, {:.4g} ms, {:.4g} {}\n{}", percent(pair.accuracy), pair.latency_ms,
                     pair.energy, energy_unit, name_of(pair));
}

std::string pairs_table(const std::vector<CodesignPair>& pairs, const CodesignRecord& found) {
  HtmlTable table(
      {"accuracy", "latency ms", "energy " + found.energy_unit, "accelerator", "network"});
  const std::size_t rows = std::min(pairs.size(), kMostRows);
  for (std::size_t row = 0; row < rows; ++row) {
    const CodesignPair& pair = pairs[rows == 1 ? 0 : row * (pairs.size() - 1) / (rows - 1)];
    const bool is_best = pair.arch == found.best.arch && pair.design == found.best.design;
    table.add({percent(pair.accuracy), fmt::format("{:.4f}", pair.latency_ms),
               fmt::format("{:.4g}", pair.energy), pair.design, pair.arch},
              is_best);
  }
  const std::string title =
      rows < pairs.size() ? fmt::format("{} of these {} pairs, evenly spread", rows, pairs.size())
                          : "These pairs as a table";
  return foldable(title, table.str());
}

std::string codesign_front_section(const CodesignRun& codesign) {
  const CodesignRecord& found = *codesign.found;
  const CodesignConfig& config = codesign.run.config.codesign;
  const std::string energy_label =
      fmt::format("energy, {} per batch of {}", found.energy_unit, found.batch);
  std::string caption = fmt::format(
      "{} of the pairs that were tried inside the limits form the Pareto front: no other is at "
      "least as accurate, as fast and as frugal.",
      found.front.size());
  if (found.dance) {
    caption += " DANCE's cost may count the area, too, so its pair need not be on this front.";
  }
  return section("Accuracy, latency and energy",
                 figure(to_svg(front_plot(
                            codesign, {"Accuracy against latency", ms_axis("latency", found.batch),
                                       &CodesignPair::latency_ms, config.max_latency_ms, "ms"})),
                        caption) +
                     figure(to_svg(front_plot(codesign, {"Accuracy against energy", energy_label,
                                                         &CodesignPair::energy, config.max_energy,
                                                         found.energy_unit})),
                            "") +
                     pairs_table(found.front, found));
}

}  // namespace hsconas
