#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hsconas/report/plot.hpp"
#include "hsconas/report/run_report.hpp"
#include "hsconas/space/search_space.hpp"
#include "page.hpp"
#include "run_sections.hpp"
#include "svg.hpp"

namespace hsconas {

namespace {

std::string note_on(const RunRecord& run, const ScoredArchitecture& scored,
                    const std::string& weights) {
  return fmt::format("{}, {:.4g} {}, F {:.4f}, {}\n{}", percent(scored.accuracy), scored.latency_ms,
                     run.config.latency.unit, scored.score, weights, scored.arch);
}

/// The name of the series of architectures that were scored with these weights.
std::string series_name(const RunRecord& run, const SharedWeights& weights) {
  return run.config.score.is_known() ? weights.stage : "weights of " + weights.stage;
}

std::string front_table(const std::vector<ScoredArchitecture>& front, const RunRecord& run) {
  HtmlTable table(
      {"latency " + run.config.latency.unit, "accuracy", "score F", "weights of", "architecture"});
  for (const ScoredArchitecture& scored : front) {
    const bool is_winner = run.result && scored.arch == run.result->winner.arch;
    table.add({fmt::format("{:.3f}", scored.latency_ms), percent(scored.accuracy),
               fmt::format("{:.4f}", scored.score), run.weights[scored.weights].stage,
               scored.arch + (is_winner ? " (winner)" : "")},
              is_winner);
  }
  return table.str();
}

/// Adds the winner and the latency budget T to a plot.
void mark_result(Plot& plot, const ResultRecord& result) {
  constexpr int kWinnerLook = 1;
  plot.series.push_back({.name = "winner",
                         .x = {result.winner.predicted_ms},
                         .y = {100.0 * result.winner.accuracy},
                         .mark = Mark::Ring,
                         .look = kWinnerLook});
  if (!result.has_budget()) return;
  plot.lines.push_back(
      {.name = fmt::format("T = {:.4g} {}", result.target_ms, result.latency_unit()),
       .at = result.target_ms});
}

/// The plot of all scored architectures. Its series, in drawing order: candidates by the supernet
/// weights with which they were scored, the random baseline, the Pareto front, the winner.
Plot pareto_plot(const RunRecord& run, const std::vector<ScoredArchitecture>& front) {
  const SearchSpace space(run.config.space);
  Plot plot{
      .title = "All scored architectures",
      .x_label = latency_axis(run, run.table ? run.table->device.batch : run.config.latency.batch),
      .y_label = accuracy_axis(run),
      .series = {}};
  for (const SharedWeights& weights : run.weights) {
    PlotSeries& series = plot.series.emplace_back();
    series.name = series_name(run, weights);
    const std::size_t before_last = run.weights.size() - plot.series.size();
    series.mark = before_last == 0 ? Mark::Points : Mark::Faint;
    series.look = static_cast<int>(before_last % kColours.size());  // The last series is blue.
  }
  const auto add = [&](PlotSeries& series, const ScoredArchitecture& scored) {
    series.x.push_back(scored.latency_ms);
    series.y.push_back(100.0 * scored.accuracy);
    series.notes.push_back(note_on(run, scored, series.name) + "\n" +
                           space.describe(space.decode(scored.arch)));
  };
  std::set<std::string> baseline;
  if (run.result) {
    for (const ScoredArchitecture& random : run.result->random) baseline.insert(random.arch);
  }
  for (const ScoredArchitecture& scored : run.candidates) {
    if (scored.weights != 0 || !baseline.contains(scored.arch)) {
      add(plot.series[scored.weights], scored);
    }
  }
  constexpr int kBaselineLook = 4;
  constexpr int kFrontLook = 6;
  if (run.result) {
    PlotSeries random{.name = "random baseline", .x = {}, .y = {}, .look = kBaselineLook};
    for (const ScoredArchitecture& scored : run.result->random) add(random, scored);
    plot.series.push_back(std::move(random));
  }
  PlotSeries line{.name = "Pareto front", .x = {}, .y = {}, .mark = Mark::Line, .look = kFrontLook};
  for (const ScoredArchitecture& scored : front) {
    line.x.push_back(scored.latency_ms);
    line.y.push_back(100.0 * scored.accuracy);
  }
  plot.series.push_back(std::move(line));
  if (run.result) mark_result(plot, *run.result);
  return plot;
}

/// The plot of the architectures scored with the last weights: those of the search itself, without
/// those of shrinking and the extremes of the space.
std::string search_plot(const RunRecord& run) {
  const std::size_t last = run.weights.size() - 1;
  Plot plot{.title = "Architectures scored with the same weights as the winner",
            .x_label = latency_axis(run, run.result->batch),
            .y_label = accuracy_axis(run),
            .series = {{.name = series_name(run, run.weights[last]), .x = {}, .y = {}}}};
  for (const ScoredArchitecture& scored : run.candidates) {
    if (scored.weights != last) continue;
    plot.series[0].x.push_back(scored.latency_ms);
    plot.series[0].y.push_back(100.0 * scored.accuracy);
    // The page's script adds the layers from the first plot, so the page stays small.
    plot.series[0].notes.push_back(note_on(run, scored, plot.series[0].name));
  }
  mark_result(plot, *run.result);
  return to_svg(plot);
}

}  // namespace

std::string candidates_section(const RunRecord& run) {
  constexpr const char* kTitle = "Accuracy against latency";
  if (run.candidates.empty()) {
    return section(kTitle, paragraph("No architecture has been scored so far."));
  }
  const auto front = pareto_front(run.candidates);
  std::string caption = fmt::format(
      "{} architectures were scored. {} of them form the Pareto front: no other is at least as "
      "accurate and at least as fast. ",
      run.candidates.size(), front.size());
  if (run.weights.size() > 1) {
    caption +=
        "The legend names the training stage whose supernet weights were used. Accuracies with "
        "different weights are only roughly comparable, because each stage of tuning adapts the "
        "supernet to the shrunk space. ";
  }
  if (run.earlier_candidates > 0) {
    caption += fmt::format(
        "{} more in candidates.csv were scored with earlier settings and are not shown. ",
        run.earlier_candidates);
  }
  std::string html = figure(to_svg(pareto_plot(run, front)), caption);
  // With a single set of weights this plot would nearly repeat the first; with few points it would
  // show little.
  constexpr std::ptrdiff_t kFew = 8;
  const auto judged_last = std::count_if(
      run.candidates.begin(), run.candidates.end(),
      [&](const ScoredArchitecture& scored) { return scored.weights + 1 == run.weights.size(); });
  if (run.result && run.weights.size() > 1 && judged_last > kFew) {
    html += figure(search_plot(run), "");
  }
  return section(kTitle, html + foldable("The Pareto front as a table", front_table(front, run)));
}

}  // namespace hsconas
