#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "hsconas/report/plot.hpp"
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

}  // namespace

std::string shrink_section(const RunRecord& run) {
  constexpr const char* kTitle = "Shrinking the space";
  if (!run.shrink || run.shrink->stages.empty()) {
    return section(kTitle, paragraph(run.config.shrink.stages.empty()
                                         ? "The settings ask for no shrinking."
                                         : "The space has not been shrunk so far."));
  }
  std::string html = figure(
      to_svg(shrink_plot(*run.shrink, run.config.space.operators)),
      "Q is the mean score F of random architectures with this operator in this layer. The "
      "operators of a layer are compared in the same architectures, so small differences are "
      "meaningful. Layers are decided from the last to the first.");
  for (const ShrinkRecord::Stage& stage : run.shrink->stages) {
    html += foldable(
        fmt::format("{}: {} to {} architectures", stage.name, format_power(stage.log10_size_before),
                    format_power(stage.log10_size_after)),
        shrink_table(stage));
  }
  return section(kTitle, html);
}

}  // namespace hsconas
