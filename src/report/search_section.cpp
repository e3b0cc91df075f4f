#include <fmt/format.h>

#include "hsconas/report/plot.hpp"
#include "page.hpp"
#include "run_sections.hpp"

namespace hsconas {

std::string search_section(const RunRecord& run) {
  constexpr const char* kTitle = "The search";
  if (!run.result) return section(kTitle, paragraph("The search has not ended."));
  const ResultRecord& result = *run.result;
  Plot plot{
      .title = fmt::format("Progress of the search ({})", result.method),
      .x_label = "architectures evaluated, number",
      .y_label = result.has_budget() ? "score F (1 = all images correct, latency T)"
                                     : "score F (1 = all images correct)",
      .series = {{.name = "best so far", .x = {}, .y = {}, .mark = Mark::LineAndPoints},
                 {.name = "mean of the generation", .x = {}, .y = {}, .mark = Mark::LineAndPoints}},
      .has_whole_x = true};
  HtmlTable table({"generation", "evaluations", "best F", "mean F"});
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
    table.add({fmt::format("{}", number++), fmt::format("{}", generation.evaluations),
               fmt::format("{:.4f}", generation.best_score),
               fmt::format("{:.4f}", generation.mean_score)});
  }
  for (const ComparedArchitecture& other : result.others) {
    if (other.title != "best random") continue;
    plot.lines.push_back(
        {.name = "best of the random baseline", .at = other.score, .is_vertical = false});
  }
  return section(
      kTitle, figure(to_svg(plot), std::string("Generation 0 is drawn at random.") +
                                       (result.known ? ""
                                                     : " The random baseline was scored before the "
                                                       "supernet was tuned to the shrunk space.")) +
                  foldable("The generations as a table", table.str()));
}

}  // namespace hsconas
