#include "hsconas/report/run_report.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/latency/latency_space.hpp"
#include "hsconas/report/latency_report.hpp"
#include "hsconas/report/plot.hpp"
#include "hsconas/space/subspace.hpp"
#include "layer_chart.hpp"
#include "page.hpp"
#include "svg.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

constexpr std::size_t kCurvePoints = 300;  ///< Of a stage, after which lines are averaged.
constexpr std::size_t kMarkedPoints = 60;  ///< A line of so few points shows each of them.

std::string percent(double fraction) {
  return fmt::format("{:.2f} %", 100.0 * fraction);
}

std::string signed_percent(double ratio) {
  return fmt::format("{:+.1f} %", 100.0 * (ratio - 1.0));
}

/// "133 M", "54.2 k".
std::string rounded(double count) {
  return count >= 1e6 ? fmt::format("{:.3g} M", count / 1e6) : fmt::format("{:.3g} k", count / 1e3);
}

std::string ms_axis(const char* what, int batch) {
  return fmt::format("{}, ms per batch of {}", what, batch);
}

// The head.

std::string fact(const std::string& name, const std::string& value, const std::string& more) {
  return fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>\n", escaped(name), escaped(value),
                     more.empty() ? "" : fmt::format("<small>{}</small>", escaped(more)));
}

std::string facts(const ResultRecord& result) {
  const ComparedArchitecture& winner = result.winner;
  const double over_random = 100.0 * (winner.accuracy - result.random_median);
  return "<dl class=\"facts\">\n" +
         fact("test accuracy", percent(result.test_accuracy),
              "shared weights, images not used before") +
         fact("held-out accuracy", percent(winner.accuracy),
              fmt::format("{:+.2f} points over random", over_random)) +
         fact("predicted latency", fmt::format("{:.4g} ms", winner.predicted_ms),
              winner.error_ms > 0.0 ? fmt::format("\u00B1 {:.3g} ms, nine in ten", winner.error_ms)
                                    : "") +
         fact("measured latency", fmt::format("{:.4g} ms", winner.measured_ms),
              signed_percent(winner.measured_ms / winner.predicted_ms) + " of predicted") +
         fact("budget T", fmt::format("{:.4g} ms", result.target_ms),
              "winner " + signed_percent(winner.predicted_ms / result.target_ms)) +
         fact("multiply-adds", rounded(winner.macs), "") +
         fact("parameters", rounded(winner.parameters), "") + "</dl>\n";
}

std::string compared_table(const ResultRecord& result) {
  HtmlTable table({"", "accuracy", "F", "predicted ms", "vs T", "measured ms", "vs predicted",
                   "MACs (M)", "params (M)"});
  const auto add = [&](const ComparedArchitecture& row) {
    table.add(
        {row.title, percent(row.accuracy), fmt::format("{:.4f}", row.score),
         fmt::format("{:.3f}", row.predicted_ms),
         signed_percent(row.predicted_ms / result.target_ms),
         fmt::format("{:.3f}", row.measured_ms), signed_percent(row.measured_ms / row.predicted_ms),
         fmt::format("{:.2f}", row.macs / 1e6), fmt::format("{:.3f}", row.parameters / 1e6)},
        row.title == "winner");
  };
  add(result.winner);
  for (const ComparedArchitecture& other : result.others) add(other);
  return table.str();
}

std::string head(const RunRecord& run) {
  const Config& config = run.config;
  std::string html = fmt::format("<h1>{}</h1>\n", escaped(config.name));
  if (!run.result) {
    return html + fmt::format("<p class=\"notice\">{}</p>\n",
                              escaped("This run is not finished: " + run.unfinished +
                                      ". What its folder holds so far is below; parts of it may "
                                      "stem from earlier settings."));
  }
  const ResultRecord& result = *run.result;
  html += fmt::format(
      "<p class=\"lead\">{}</p>\n",
      escaped(fmt::format("Space {} on {}, batch {}, seed {}. {} architectures, {} "
                          "after shrinking; {} scored.",
                          config.space.name, result.device, result.batch, config.seed,
                          format_power(result.log10_space), format_power(result.log10_shrunk_space),
                          run.candidates.size())));
  html += facts(result);
  html += fmt::format("<p><code>{}</code><br>{}</p>\n", escaped(result.winner.arch),
                      escaped(result.winner.layers));
  html += compared_table(result);
  return html + paragraph(fmt::format(
                    "Accuracies are on held-out training images with the supernet's shared "
                    "weights; those of the others were taken before the supernet was tuned to the "
                    "shrunk space. F = accuracy \u2212\u00A0{:.3g}\u00A0|latency / T - 1|.",
                    std::abs(result.beta)));
}

// Everything scored.

std::string note_on(const ScoredArchitecture& scored, const std::string& weights) {
  return fmt::format("{}, {:.4g} ms, F {:.4f}, {}\n{}", percent(scored.accuracy), scored.latency_ms,
                     scored.score, weights, scored.arch);
}

std::string front_table(const std::vector<ScoredArchitecture>& front, const RunRecord& run) {
  HtmlTable table({"latency ms", "accuracy", "F", "weights of", "architecture"});
  for (const ScoredArchitecture& scored : front) {
    const bool is_winner = run.result && scored.arch == run.result->winner.arch;
    table.add({fmt::format("{:.3f}", scored.latency_ms), percent(scored.accuracy),
               fmt::format("{:.4f}", scored.score), run.weights[scored.weights].stage,
               scored.arch + (is_winner ? " (winner)" : "")},
              is_winner);
  }
  return table.str();
}

/// The winner and T.
void mark_result(Plot& plot, const ResultRecord& result) {
  constexpr int kWinnerLook = 1;
  plot.series.push_back({.name = "winner",
                         .x = {result.winner.predicted_ms},
                         .y = {100.0 * result.winner.accuracy},
                         .mark = Mark::Ring,
                         .look = kWinnerLook});
  plot.lines.push_back(
      {.name = fmt::format("T = {:.4g} ms", result.target_ms), .at = result.target_ms});
}

/// All series of a Pareto plot, in drawing order: candidates by the weights that judged them, those
/// of the baseline apart, the front, the winner.
Plot pareto_plot(const RunRecord& run, const std::vector<ScoredArchitecture>& front) {
  const SearchSpace space(run.config.space);
  Plot plot{.title = "Everything scored",
            .x_label = ms_axis("predicted latency",
                               run.table ? run.table->device.batch : run.config.latency.batch),
            .y_label = "accuracy on held-out images, %",
            .series = {}};
  for (const JudgingWeights& weights : run.weights) {
    PlotSeries& series = plot.series.emplace_back();
    series.name = "weights of " + weights.stage;
    const std::size_t before_last = run.weights.size() - plot.series.size();
    series.mark = before_last == 0 ? Mark::Points : Mark::Faint;
    series.look = static_cast<int>(before_last % kColours.size());  // The last in blue.
  }
  const auto add = [&](PlotSeries& series, const ScoredArchitecture& scored) {
    series.x.push_back(scored.latency_ms);
    series.y.push_back(100.0 * scored.accuracy);
    series.notes.push_back(note_on(scored, series.name) + "\n" +
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

/// What the search itself looked at, without what shrinking and the extremes add around it.
std::string search_plot(const RunRecord& run) {
  const std::size_t last = run.weights.size() - 1;
  Plot plot{.title = "Under the weights that judged the winner",
            .x_label = ms_axis("predicted latency", run.result->batch),
            .y_label = "accuracy on held-out images, %",
            .series = {{.name = "weights of " + run.weights[last].stage, .x = {}, .y = {}}}};
  for (const ScoredArchitecture& scored : run.candidates) {
    if (scored.weights != last) continue;
    plot.series[0].x.push_back(scored.latency_ms);
    plot.series[0].y.push_back(100.0 * scored.accuracy);
    // The script adds the layers from the drawing of everything; twice they would be too many.
    plot.series[0].notes.push_back(note_on(scored, plot.series[0].name));
  }
  mark_result(plot, *run.result);
  return to_svg(plot);
}

std::string candidates_section(const RunRecord& run) {
  constexpr const char* kTitle = "Accuracy against latency";
  if (run.candidates.empty()) {
    return section(kTitle, paragraph("No architecture has been scored so far."));
  }
  const auto front = pareto_front(run.candidates);
  std::string caption = fmt::format("{} architectures; the front has {} of them. ",
                                    run.candidates.size(), front.size());
  if (run.weights.size() > 1) {
    caption +=
        "Accuracies under different weights compare only roughly: each tuning fits the supernet "
        "better to what shrinking has left. ";
  }
  if (run.earlier_candidates > 0) {
    caption += fmt::format("{} more in candidates.csv were scored under earlier settings. ",
                           run.earlier_candidates);
  }
  std::string html = figure(to_svg(pareto_plot(run, front)), caption);
  // With one set of weights that would be nearly the same again, and of few points say little.
  constexpr std::ptrdiff_t kFew = 8;
  const auto judged_last = std::count_if(
      run.candidates.begin(), run.candidates.end(),
      [&](const ScoredArchitecture& scored) { return scored.weights + 1 == run.weights.size(); });
  if (run.result && run.weights.size() > 1 && judged_last > kFew) {
    html += figure(search_plot(run), "");
  }
  return section(kTitle, html + foldable("The front as a table", front_table(front, run)));
}

// The search.

std::string search_section(const RunRecord& run) {
  constexpr const char* kTitle = "The search";
  if (!run.result) return section(kTitle, paragraph("The search has not ended."));
  const ResultRecord& result = *run.result;
  Plot plot{
      .title = fmt::format("Progress of the search ({})", result.method),
      .x_label = "architectures evaluated, number",
      .y_label = "F, 1 = all images right, exactly at T",
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
  return section(kTitle, figure(to_svg(plot),
                                "Generation 0 is random. The random baseline was scored before "
                                "the supernet was tuned to the shrunk space.") +
                             foldable("The generations as a table", table.str()));
}

// Shrinking.

std::string shrink_table(const ShrinkRecord::Stage& stage) {
  HtmlTable table(
      {"layer", "operator", "Q", "spread", "against the kept", "standard error", "in budget"});
  for (const ShrinkRecord::Layer& layer : stage.layers) {
    const std::string number = fmt::format("{}", layer.layer);
    if (layer.operators.empty()) {
      table.add({number, layer.kept + " (the only one left)", "-", "-", "-", "-", ""}, true);
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
  Plot plot{.title = "Q of every operator that was compared",
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

std::string shrink_section(const RunRecord& run) {
  constexpr const char* kTitle = "Shrinking the space";
  if (!run.shrink || run.shrink->stages.empty()) {
    return section(kTitle, paragraph(run.config.shrink.stages.empty()
                                         ? "The settings ask for no shrinking."
                                         : "The space has not been shrunk so far."));
  }
  std::string html = figure(
      to_svg(shrink_plot(*run.shrink, run.config.space.operators)),
      "Operators of a layer were put into the same architectures, so small differences count; "
      "layers are decided from the last to the first.");
  for (const ShrinkRecord::Stage& stage : run.shrink->stages) {
    html += foldable(
        fmt::format("{}: {} to {} architectures", stage.name, format_power(stage.log10_size_before),
                    format_power(stage.log10_size_after)),
        shrink_table(stage));
  }
  return section(kTitle, html);
}

// The latency model.

std::string latency_table_html(const json& held_out) {
  HtmlTable table({"networks", "model", "n", "RMSE ms", "RMSE %", "mean error %", "Kendall",
                   "in the error bar"});
  const auto number = [](const json& value, int digits) {
    return value.is_number() ? fmt::format("{:.{}f}", value.get<double>(), digits) : "-";
  };
  for (const auto& [kind, of_kind] : held_out.items()) {
    for (const auto& [key, name] :
         {std::pair{"sum", "sum of the blocks"}, {"constant", "sum + B"}, {"fitted", "as used"}}) {
      if (!of_kind.contains(key)) continue;
      const json& accuracy = of_kind.at(key);
      const bool is_used = std::string_view(key) == "fitted";
      table.add(
          {kind, name, fmt::format("{}", accuracy.at("n").get<int>()),
           number(accuracy.at("rmse_ms"), 4), number(accuracy.at("rmse_percent"), 2),
           number(accuracy.at("mean_error_percent"), 2), number(accuracy.at("kendall"), 3),
           is_used ? number(100.0 * of_kind.at("error_bar_coverage").get<double>(), 0) + " %" : ""},
          is_used);
    }
  }
  return table.str();
}

std::string latency_section(const RunRecord& run) {
  constexpr const char* kTitle = "Predicted and measured latency";
  if (!run.table) return section(kTitle, paragraph("There is no latency table so far."));
  const LatencyTable& table = *run.table;
  Plot plot = latency_scatter(table);
  const std::string per_batch = fmt::format(", ms per batch of {}", table.device.batch);
  plot.x_label = "measured" + per_batch;
  plot.y_label = "predicted" + per_batch;
  // Nothing was timed on an accelerator that is only modelled.
  const bool is_measured = run.config.latency.accelerator.empty();
  if (run.result && is_measured) {
    PlotSeries compared{.name = "winner and others", .x = {}, .y = {}};
    const auto add = [&](const ComparedArchitecture& row) {
      compared.x.push_back(row.measured_ms);
      compared.y.push_back(row.predicted_ms);
      compared.notes.push_back(fmt::format("{}: predicted {:.4g} ms, measured {:.4g} ms\n{}\n{}",
                                           row.title, row.predicted_ms, row.measured_ms, row.arch,
                                           row.layers));
    };
    add(run.result->winner);
    for (const ComparedArchitecture& other : run.result->others) add(other);
    plot.series.push_back(std::move(compared));
  }
  const json report = latency_report_json(table);
  std::string html;
  if (std::all_of(plot.series.begin(), plot.series.end(),
                  [](const PlotSeries& series) { return series.x.empty(); })) {
    html += paragraph(is_measured ? "The table was not judged on whole networks."
                                  : "The target is a modelled accelerator: latencies are those of "
                                    "its cost model, nothing was timed.");
  } else {
    html += figure(to_svg(plot), fmt::format("Networks the model was not fitted on. Its form is "
                                             "\"{}\", B = {:+.4g} ms; the error bar of \u00B1 "
                                             "{:.3g} % should hold nine networks in ten.",
                                             table.form, table.bias_ms, table.error_percent));
  }
  if (!report.at("held_out").empty()) html += latency_table_html(report.at("held_out"));
  if (table.noise.is_disturbed()) {
    html += paragraph("The machine was busy with other work while the table was measured.");
  }
  return section(kTitle, html);
}

// The winner, layer by layer.

std::string shape_of(const Block& block) {
  return fmt::format("{} \u2192 {} channels, {} \u2192 {} px", block.in_channels,
                     block.out_channels, block.in_size, block.out_size);
}

double entry_ms(const LatencyTable& table, const std::string& key) {
  const auto found = table.entries.find(key);
  if (found == table.entries.end()) {
    throw Error(ErrorKind::Data,
                fmt::format("latency.json has no entry {}, which the winner is made of", key));
  }
  return found->second.network_ms;
}

std::vector<LayerBar> layer_bars(const SearchSpace& space, const Architecture& arch,
                                 const LatencyTable& table) {
  const LatencySpace terms(space);
  std::vector<LayerBar> bars;
  const auto add_fixed = [&](const char* name, const Block& block) {
    if (table.by_position) return;  // Such a table has them in B.
    bars.push_back(
        {.name = name, .choice = "", .shape = shape_of(block), .ms = entry_ms(table, block.key())});
  };
  add_fixed("stem", space.stem());
  for (int layer = 0; layer < space.layers(); ++layer) {
    const LayerChoice choice = arch[static_cast<std::size_t>(layer)];
    const auto& term = terms.term(terms.index(layer, choice));
    const bool has_width = space.op(choice.op).has_mid();
    const double width = space.description().widths[static_cast<std::size_t>(choice.width)];
    const std::string& name = space.op(choice.op).name;
    const bool has_entry = table.by_position || !term.is_free;
    bars.push_back(
        {.name = fmt::format("layer {}", layer),
         .choice = has_width ? fmt::format("{} \u00D7{:.3g}", name, width) : name,
         .shape = shape_of(space.block(layer, choice)),
         .width = has_width ? width : -1.0,
         .look = choice.op,
         .ms = has_entry ? entry_ms(table, table.by_position ? term.position_key : term.block_key)
                         : 0.0});
  }
  add_fixed("head", space.head());
  bars.push_back({.name = "B",
                  .choice = "",
                  .shape = table.by_position ? "stem, head and all else" : "between the blocks",
                  .ms = table.bias_ms});
  return bars;
}

std::string layers_section(const RunRecord& run) {
  constexpr const char* kTitle = "The winner, layer by layer";
  if (!run.result || !run.table) {
    return section(kTitle, paragraph("There is no winner with a latency table so far."));
  }
  const SearchSpace space(run.config.space);
  const Architecture arch = space.decode(run.result->winner.arch);
  const std::vector<LayerBar> bars = layer_bars(space, arch, *run.table);
  double total_ms = 0.0;
  for (const LayerBar& bar : bars) total_ms += bar.ms;
  HtmlTable table({"", "operator", "shape", "inner channels", "ms", "share"});
  for (const LayerBar& bar : bars) {
    const std::size_t row = static_cast<std::size_t>(&bar - bars.data());
    const std::size_t first = run.table->by_position ? 0 : 1;  // After the stem.
    const bool is_layer = bar.look >= 0;
    const int layer = static_cast<int>(row) - static_cast<int>(first);
    const int inner =
        is_layer ? space.mid_channels(layer, arch[static_cast<std::size_t>(layer)]) : 0;
    table.add({bar.name, bar.choice, bar.shape, inner > 0 ? fmt::format("{}", inner) : "-",
               fmt::format("{:.4f}", bar.ms), fmt::format("{:.1f} %", 100.0 * bar.ms / total_ms)});
  }
  return section(
      kTitle,
      figure(layer_chart(bars, total_ms, ms_axis("predicted", run.table->device.batch)),
             fmt::format("{:.4g} ms in all. The outline is the full inner width, filled up to the "
                         "width factor; B is what the network takes beyond its blocks.",
                         total_ms)) +
          foldable("The layers as a table", table.str()));
}

// Training.

/// The curves of one value, a series per stage, steps counted through all stages.
class Curves {
 public:
  Curves(const MetricsHistory& metrics, const std::string& key);
  bool empty() const { return series_.empty(); }
  std::vector<PlotSeries> series() const { return series_; }

 private:
  std::vector<PlotSeries> series_;
};

/// At most kCurvePoints points: means of neighbours.
PlotSeries thinned(const PlotSeries& series) {
  const std::size_t per_point = (series.x.size() + kCurvePoints - 1) / kCurvePoints;
  PlotSeries result{.name = series.name, .x = {}, .y = {}, .mark = Mark::Line};
  for (std::size_t first = 0; first < series.x.size(); first += per_point) {
    const std::size_t end = std::min(series.x.size(), first + per_point);
    double sum = 0.0;
    for (std::size_t i = first; i < end; ++i) sum += series.y[i];
    result.x.push_back(series.x[end - 1]);
    result.y.push_back(sum / static_cast<double>(end - first));
  }
  if (result.x.size() <= kMarkedPoints) result.mark = Mark::LineAndPoints;
  return result;
}

Curves::Curves(const MetricsHistory& metrics, const std::string& key) {
  double before = 0.0;  // Steps of earlier stages.
  std::int64_t last = 0;
  for (const MetricsLine& line : metrics.lines()) {
    const auto value = line.values.find(key);
    if (value == line.values.end()) continue;
    if (series_.empty() || series_.back().name != line.stage) {
      before += static_cast<double>(last);
      series_.push_back({.name = line.stage, .x = {}, .y = {}});
    }
    last = line.step;
    series_.back().x.push_back(before + static_cast<double>(line.step));
    series_.back().y.push_back(value->second);
  }
  for (PlotSeries& series : series_) {
    series = thinned(series);
    if (series.mark != Mark::LineAndPoints) continue;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      series.notes.push_back(
          fmt::format("{}, step {:.0f}\n{} {:.4g}", series.name, series.x[i], key, series.y[i]));
    }
  }
}

std::string training_table(const MetricsHistory& metrics) {
  struct Stage {
    std::string name;
    std::int64_t steps = 0;
    double first_loss = 0.0, last_loss = 0.0, rates = 0.0;
    int lines = 0;
  };
  std::vector<Stage> stages;
  for (const MetricsLine& line : metrics.lines()) {
    const auto loss = line.values.find("loss");
    if (loss == line.values.end()) continue;
    if (stages.empty() || stages.back().name != line.stage) {
      stages.push_back({.name = line.stage, .first_loss = loss->second});
    }
    Stage& stage = stages.back();
    stage.steps = line.step;
    stage.last_loss = loss->second;
    const auto rate = line.values.find("images_per_second");
    if (rate == line.values.end()) continue;
    stage.rates += rate->second;
    ++stage.lines;
  }
  HtmlTable table({"stage", "steps", "first loss", "last loss", "images per second"});
  for (const Stage& stage : stages) {
    table.add({stage.name, fmt::format("{}", stage.steps), fmt::format("{:.4f}", stage.first_loss),
               fmt::format("{:.4f}", stage.last_loss),
               stage.lines > 0 ? fmt::format("{:.0f}", stage.rates / stage.lines) : "-"});
  }
  return table.str();
}

std::string training_section(const RunRecord& run) {
  constexpr const char* kTitle = "Training";
  const Curves loss(run.metrics, "loss");
  if (loss.empty()) return section(kTitle, paragraph("There are no training curves."));
  constexpr const char* kSteps = "training steps, all stages";
  std::string html = figure(to_svg({.title = "Loss",
                                    .x_label = kSteps,
                                    .y_label = "cross entropy, nats",
                                    .series = loss.series(),
                                    .has_whole_x = true}),
                            "Of a randomly sampled path at each step, the mean over some steps.");
  const Curves lr(run.metrics, "lr");
  if (!lr.empty()) {
    html += figure(to_svg({.title = "Learning rate",
                           .x_label = kSteps,
                           .y_label = "learning rate, per step",
                           .series = lr.series(),
                           .has_whole_x = true}),
                   "");
  }
  return section(kTitle, html + training_table(run.metrics));
}

// Settings and versions.

std::string value_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string settings_section(const RunRecord& run) {
  const json config = to_json(run.config);
  HtmlTable table({"setting", "value", "default", "what it is"});
  for (const ConfigKey& key : config_keys()) {
    if (key.path.find("[]") != std::string::npos) continue;  // Part of a list, shown as one.
    std::string pointer = "/" + key.path;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    const json::json_pointer at(pointer);
    if (!config.contains(at)) continue;
    const std::string value = config.at(at).dump();
    const bool is_changed = value != key.initial;
    table.add({key.path, value_text(config.at(at)),
               is_changed ? value_text(json::parse(key.initial, nullptr, false)) : "", key.meaning},
              is_changed);
  }
  std::string html = foldable("Settings; those that are not the default stand out", table.str());
  html += foldable("The space",
                   fmt::format("<pre>{}</pre>\n", escaped(config.at("space").dump(2), true)));
  html += run.versions.empty()
              ? paragraph("The run has left no versions.")
              : foldable("Versions", fmt::format("<pre>{}</pre>\n", escaped(run.versions, true)));
  return section("Settings and versions", html);
}

}  // namespace

std::vector<ScoredArchitecture> pareto_front(std::span<const ScoredArchitecture> candidates) {
  std::vector<ScoredArchitecture> sorted(candidates.begin(), candidates.end());
  std::stable_sort(
      sorted.begin(), sorted.end(), [](const ScoredArchitecture& a, const ScoredArchitecture& b) {
        return a.latency_ms != b.latency_ms ? a.latency_ms < b.latency_ms : a.accuracy > b.accuracy;
      });
  std::vector<ScoredArchitecture> front;
  for (ScoredArchitecture& candidate : sorted) {
    if (front.empty() || candidate.accuracy > front.back().accuracy) {
      front.push_back(std::move(candidate));
    }
  }
  return front;
}

std::string run_report(const RunRecord& run) {
  return html_page(run.config.name + " - hsconas",
                   "<main>\n" + head(run) + candidates_section(run) + layers_section(run) +
                       search_section(run) + shrink_section(run) + latency_section(run) +
                       training_section(run) + settings_section(run) + "</main>\n");
}

}  // namespace hsconas
