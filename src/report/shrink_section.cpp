#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "hsconas/report/plot.hpp"
#include "hsconas/space/search_space.hpp"
#include "hsconas/space/subspace.hpp"
#include "page.hpp"
#include "run_sections.hpp"

namespace hsconas {

namespace {

std::string shrink_table(const ShrinkRecord::Stage& stage) {
  HtmlTable table({"layer", "operator", "mean F (Q)", "spread of F", "difference from kept",
                   "standard error", "within budget T"});
  for (const ShrinkRecord::Layer& layer : stage.layers) {
    const std::string number = fmt::format("{}", layer.layer);
    if (layer.operators.empty()) {
      table.add({number, layer.kept + " (the only operator left)", "-", "-", "-", "-", ""}, true);
    }
    for (const ShrinkRecord::Operator& op : layer.operators) {
      const bool is_kept = op.op == layer.kept;
      table.add({number, op.op + (is_kept ? " (kept)" : ""), fmt::format("{:.4f}", op.q),
                 fmt::format("{:.4f}", op.spread), fmt::format("{:+.4f}", op.difference),
                 fmt::format("{:.4f}", op.standard_error), op.within_budget ? "yes" : "no"},
                is_kept);
    }
  }
  return table.str();
}

Plot shrink_plot(const ShrinkRecord& shrink, const std::vector<std::string>& operators) {
  Plot plot{.title = "Mean score Q of every compared operator",
            .x_label = "layer, counted from the input",
            .y_label = fmt::format("Q, mean F of {} architectures", shrink.samples),
            .series = {},
            .has_whole_x = true};
  for (const std::string& op : operators) plot.series.push_back({.name = op, .x = {}, .y = {}});
  PlotSeries kept{.name = "kept", .x = {}, .y = {}, .mark = Mark::Ring, .look = 6};
  for (const ShrinkRecord::Stage& stage : shrink.stages) {
    for (const ShrinkRecord::Layer& layer : stage.layers) {
      for (const ShrinkRecord::Operator& op : layer.operators) {
        const auto found = std::find(operators.begin(), operators.end(), op.op);
        if (found == operators.end()) continue;
        PlotSeries& series = plot.series[static_cast<std::size_t>(found - operators.begin())];
        series.x.push_back(layer.layer);
        series.y.push_back(op.q);
        series.notes.push_back(
            fmt::format("layer {}, {}{}\nQ {:.4f}, spread {:.4f}\n{:+.4f} \u00B1 {:.4f} against {}",
                        layer.layer, op.op, op.op == layer.kept ? " (kept)" : "", op.q, op.spread,
                        op.difference, op.standard_error, layer.kept));
        if (op.op != layer.kept) continue;
        kept.x.push_back(layer.layer);
        kept.y.push_back(op.q);
      }
    }
  }
  plot.series.push_back(std::move(kept));
  return plot;
}

std::string rounds_table(const ShrinkRecord::Stage& stage) {
  HtmlTable table(
      {"round", "networks in the region", "networks scored", "mean F", "standard error", "is"});
  for (std::size_t i = 0; i < stage.rounds.size(); ++i) {
    const ShrinkRecord::Round& round = stage.rounds[i];
    table.add(
        {fmt::format("{}", i), format_power(round.log10_size), fmt::format("{}", round.samples),
         fmt::format("{:.4f}", round.mean), fmt::format("{:.4f}", round.standard_error),
         i == 0 ? "the start" : (round.is_kept ? "kept" : "dropped")},
        round.is_kept);
  }
  return table.str();
}

std::string seeds_table(const ShrinkRecord::Stage& stage, const SearchSpace& space) {
  HtmlTable table({"seed", "layers"});
  for (const std::string& seed : stage.seeds) {
    table.add({seed, space.describe(space.decode(seed))}, false);
  }
  return table.str();
}

/// "9,810 networks", with the standard error of an estimate.
std::string size_text(const ShrinkRecord::Stage& stage) {
  std::string text = format_power(stage.log10_size_after) + " networks";
  if (stage.size_error > 0.0) {
    text += fmt::format(" (estimated, standard error {:.1f} %)", 100.0 * stage.size_error);
  }
  return text;
}

/// What a stage has left, in a sentence; empty where an older program did not record it.
std::string what_is_left(const ShrinkRecord::Stage& stage) {
  std::string text;
  if (stage.radius > 0) {
    text = fmt::format("{} leaves {}: all that differ in at most {} layer{} from one of {} seeds. ",
                       stage.name, size_text(stage), stage.radius, stage.radius == 1 ? "" : "s",
                       stage.seeds.size());
  }
  if (stage.best > 1) {
    text += fmt::format(
        "Two of the {} best networks known of what {} leaves differ in {:.1f} layers on average.",
        stage.best, stage.name, stage.diversity);
  }
  return text.empty() ? "" : paragraph(text);
}

Plot rounds_plot(const ShrinkRecord& shrink) {
  Plot plot{.title = "Mean score of every region that was tried",
            .x_label = "round",
            .y_label = fmt::format("mean F of {} architectures", shrink.samples),
            .series = {},
            .has_whole_x = true};
  for (const ShrinkRecord::Stage& stage : shrink.stages) {
    PlotSeries series{.name = stage.name, .x = {}, .y = {}, .mark = Mark::LineAndPoints};
    for (std::size_t i = 0; i < stage.rounds.size(); ++i) {
      const ShrinkRecord::Round& round = stage.rounds[i];
      series.x.push_back(static_cast<double>(i));
      series.y.push_back(round.mean);
      series.notes.push_back(fmt::format("{}, round {}{}\nmean F {:.4f} \u00B1 {:.4f}", stage.name,
                                         i, round.is_kept ? "" : " (dropped)", round.mean,
                                         round.standard_error));
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

std::string locality_section(const RunRecord& run) {
  std::string html =
      figure(to_svg(rounds_plot(*run.shrink)),
             "Round 0 scores networks of the region from which a stage starts. Each further round "
             "scores networks near the best ones of all rounds before. A stage ends when the mean "
             "no longer rises, and drops that last region.");
  const SearchSpace space(run.config.space);
  for (const ShrinkRecord::Stage& stage : run.shrink->stages) {
    html += what_is_left(stage);
    html += foldable(
        fmt::format("{}: {} to {} architectures", stage.name, format_power(stage.log10_size_before),
                    format_power(stage.log10_size_after)),
        rounds_table(stage) + seeds_table(stage, space));
  }
  return html;
}

std::string progressive_section(const RunRecord& run) {
  std::string html = figure(
      to_svg(shrink_plot(*run.shrink, run.config.space.operators)),
      "Q is the mean score F of random architectures with this operator in this layer. The "
      "operators of a layer are compared in the same architectures, so small differences are "
      "meaningful. Layers are decided from the last to the first.");
  for (const ShrinkRecord::Stage& stage : run.shrink->stages) {
    html += what_is_left(stage);
    html += foldable(
        fmt::format("{}: {} to {} architectures", stage.name, format_power(stage.log10_size_before),
                    format_power(stage.log10_size_after)),
        shrink_table(stage));
  }
  return html;
}

}  // namespace

std::string shrink_section(const RunRecord& run) {
  constexpr const char* kTitle = "Shrinking the space";
  if (!run.shrink || run.shrink->stages.empty()) {
    return section(kTitle, paragraph(run.config.shrink.stages.empty()
                                         ? "The settings ask for no shrinking."
                                         : "The space has not been shrunk so far."));
  }
  const bool is_in_rounds = !run.shrink->stages.front().rounds.empty();
  const std::string html = is_in_rounds ? locality_section(run) : progressive_section(run);
  return section(kTitle, html);
}

}  // namespace hsconas
