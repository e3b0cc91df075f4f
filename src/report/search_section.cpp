#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/report/plot.hpp"
#include "page.hpp"
#include "run_sections.hpp"

namespace hsconas {

namespace {

std::string progress_figure(const ResultRecord& result) {
  Plot plot{
      .title = fmt::format("Progress of the search ({})", result.method),
      .x_label = "architectures evaluated, number",
      .y_label = result.has_budget() ? "score F (1 = all images correct, latency T)"
                                     : "score F (1 = all images correct)",
      .series = {{.name = "best so far", .x = {}, .y = {}, .mark = Mark::LineAndPoints},
                 {.name = "mean of the generation", .x = {}, .y = {}, .mark = Mark::LineAndPoints}},
      .has_whole_x = true};
  int number = 0;
  for (const ResultRecord::Generation& generation : result.history) {
    const auto add = [&](PlotSeries& series, double score) {
      series.x.push_back(generation.evaluations);
      series.y.push_back(score);
      series.notes.push_back(fmt::format("generation {}, {} evaluations\n{}: F {:.4f}", number,
                                         generation.evaluations, series.name, score));
    };
    add(plot.series[0], generation.best_score);
    add(plot.series[1], generation.mean_score);
    ++number;
  }
  for (const ComparedArchitecture& other : result.others) {
    if (other.title != "best random") continue;
    plot.lines.push_back(
        {.name = "best of the random baseline", .at = other.score, .is_vertical = false});
  }
  return figure(to_svg(plot), std::string("Generation 0 is drawn at random.") +
                                  (result.known ? ""
                                                : " The random baseline was scored before the "
                                                  "supernet was tuned to the shrunk space."));
}

std::string generations_table(const ResultRecord& result) {
  std::vector<std::string> head{"generation", "evaluations", "best F", "mean F"};
  const bool has_front = !result.front.empty();
  if (has_front) head.emplace_back("hypervolume");
  HtmlTable table(head);
  int number = 0;
  for (const ResultRecord::Generation& generation : result.history) {
    std::vector<std::string> cells{
        fmt::format("{}", number++), fmt::format("{}", generation.evaluations),
        fmt::format("{:.4f}", generation.best_score), fmt::format("{:.4f}", generation.mean_score)};
    if (has_front) cells.push_back(fmt::format("{:.4f}", generation.hypervolume));
    table.add(std::move(cells));
  }
  return foldable("The generations as a table", table.str());
}

std::string hypervolume_figure(const ResultRecord& result) {
  PlotSeries series{.name = "front so far", .x = {}, .y = {}, .mark = Mark::LineAndPoints};
  for (const ResultRecord::Generation& generation : result.history) {
    series.x.push_back(generation.evaluations);
    series.y.push_back(generation.hypervolume);
    series.notes.push_back(fmt::format("{} evaluations: hypervolume {:.4f}", generation.evaluations,
                                       generation.hypervolume));
  }
  const Plot plot{.title = "Hypervolume of the front",
                  .x_label = "architectures evaluated, number",
                  .y_label = "hypervolume, share of the rectangle",
                  .series = {std::move(series)},
                  .has_whole_x = true};
  return figure(to_svg(plot),
                "The share of the rectangle from accuracy 0 to 1 and from latency 0 to the highest "
                "allowed that is less accurate and slower than some architecture of the front.");
}

std::string about_winner(const ResultRecord& result) {
  return result.course.empty() ? "The winner is the most accurate one within T."
                               : "The winner is the architecture with the highest F near T.";
}

std::string course_figure(const ResultRecord& result) {
  PlotSeries line{
      .name = "most probable architecture", .x = {}, .y = {}, .mark = Mark::LineAndPoints};
  HtmlTable table({"step", "latency ms", "accuracy", "score F", "architecture"});
  for (const auto& [step, network] : result.course) {
    line.x.push_back(static_cast<double>(step));
    line.y.push_back(network.latency_ms);
    line.notes.push_back(fmt::format("step {}: {:.4g} ms, {}\n{}", step, network.latency_ms,
                                     percent(network.accuracy), network.arch));
    const bool is_winner = network.arch == result.winner.arch;
    table.add({fmt::format("{}", step), fmt::format("{:.3f}", network.latency_ms),
               percent(network.accuracy), fmt::format("{:.4f}", network.score),
               network.arch + (is_winner ? " (winner)" : "")},
              is_winner);
  }
  Plot plot{.title = fmt::format("Latency of the most probable architecture ({})", result.method),
            .x_label = "training steps, number",
            .y_label = ms_axis("predicted latency", result.batch),
            .series = {std::move(line)},
            .has_whole_x = true};
  plot.lines.push_back({.name = fmt::format("T = {:.4g} ms", result.target_ms),
                        .at = result.target_ms,
                        .is_vertical = false});
  return figure(to_svg(plot),
                std::string("The most probable choice of every layer, read off while the "
                            "architecture parameters were trained. Accuracies are those with the "
                            "final weights.") +
                    (result.is_collapsed ? " The search has collapsed: the last of them skips "
                                           "every layer that can be skipped."
                                         : "")) +
         foldable("The most probable architectures as a table", table.str());
}

std::string front_figure(const RunRecord& run, const ResultRecord& result) {
  PlotSeries line{.name = "front", .x = {}, .y = {}, .mark = Mark::LineAndPoints};
  const std::string unit = result.latency_unit();
  HtmlTable table({"latency " + unit, "accuracy", "score F", "architecture"});
  for (const ScoredArchitecture& scored : result.front) {
    line.x.push_back(scored.latency_ms);
    line.y.push_back(100.0 * scored.accuracy);
    line.notes.push_back(fmt::format("{}, {:.4g} {}, F {:.4f}\n{}", percent(scored.accuracy),
                                     scored.latency_ms, unit, scored.score, scored.arch));
    const bool is_winner = scored.arch == result.winner.arch;
    table.add({fmt::format("{:.3f}", scored.latency_ms), percent(scored.accuracy),
               fmt::format("{:.4f}", scored.score), scored.arch + (is_winner ? " (winner)" : "")},
              is_winner);
  }
  Plot plot{.title = fmt::format("Front of the search ({})", result.method),
            .x_label = latency_axis(run, result.batch),
            .y_label = accuracy_axis(run),
            .series = {std::move(line),
                       {.name = "winner",
                        .x = {result.winner.predicted_ms},
                        .y = {100.0 * result.winner.accuracy},
                        .mark = Mark::Ring}}};
  if (result.has_budget()) {
    plot.lines.push_back(
        {.name = fmt::format("T = {:.4g} {}", result.target_ms, unit), .at = result.target_ms});
  }
  return figure(to_svg(plot),
                fmt::format("{} architectures that no other of the search beats in accuracy and "
                            "latency. {}",
                            result.front.size(), about_winner(result))) +
         foldable("The front as a table", table.str());
}

}  // namespace

std::string search_section(const RunRecord& run) {
  constexpr const char* kTitle = "The search";
  if (!run.result) return section(kTitle, paragraph("The search has not ended."));
  const ResultRecord& result = *run.result;
  std::string html;
  if (!result.front.empty()) html += front_figure(run, result);
  if (!result.course.empty()) return section(kTitle, html + course_figure(result));
  if (!result.front.empty()) html += hypervolume_figure(result);
  return section(kTitle, html + progress_figure(result) + generations_table(result));
}

}  // namespace hsconas
