#include "hsconas/report/method_table.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/statistics.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/report/plot.hpp"

namespace hsconas {

namespace {

/// Evaluations of each trial until a goal; those that did not reach it count as one more than all.
std::vector<double> efforts(const MethodTrials& method, std::size_t MethodTrial::*until,
                            std::size_t evaluations) {
  std::vector<double> result;
  for (const MethodTrial& trial : method.trials) {
    const std::size_t effort = trial.*until;
    result.push_back(static_cast<double>(effort == 0 ? evaluations + 1 : effort));
  }
  return result;
}

Effort quantile_of(std::vector<double> values, double q, std::size_t evaluations) {
  const double value = quantile(values, q);
  return value > static_cast<double>(evaluations) ? Effort() : Effort(value);
}

/// The value after `evaluations`, or the last one of a search that ended before.
double value_after(const std::vector<double>& values, std::size_t evaluations) {
  return values[std::min(evaluations, values.size()) - 1];
}

double mean_after(const MethodTrials& method, std::vector<double> MethodTrial::*values,
                  std::size_t evaluations) {
  std::vector<double> all;
  for (const MethodTrial& trial : method.trials) {
    all.push_back(value_after(trial.*values, evaluations));
  }
  return mean(all);
}

const MethodTrials* random_of(const MethodComparison& comparison) {
  for (const MethodTrials& method : comparison.methods) {
    if (method.is_random) return &method;
  }
  return nullptr;
}

std::string effort_text(const Effort& effort, std::size_t evaluations) {
  return effort ? fmt::format("{:.0f}", *effort) : fmt::format("> {}", evaluations);
}

std::string p_text(const MethodSummary& row) {
  if (!row.p) return "-";
  return *row.p < 1e-4 ? "< 0.0001" : fmt::format("{:.4f}", *row.p);
}

std::string reported_text(const MethodSummary& row) {
  std::vector<std::string> parts;
  for (const auto& accuracy : row.reported) {
    parts.push_back(accuracy ? fmt::format("{:.2f}", 100.0 * *accuracy) : "-");
  }
  return join(parts, " / ");
}

std::vector<std::string> cells_of(const MethodSummary& row, std::size_t evaluations) {
  return {row.name,
          fmt::format("{} ({})", effort_text(row.top_median, evaluations),
                      effort_text(row.top_p90, evaluations)),
          effort_text(row.best_median, evaluations),
          reported_text(row),
          fmt::format("{:.3f}", 100.0 * row.regret),
          fmt::format("{:.4f}", row.seconds),
          p_text(row)};
}

std::vector<std::string> head_cells() {
  return {"method",  "top 0.1 % (p90)", "best", "reported at 50 / 100 / 200", "final regret",
          "seconds", "p against random"};
}

/// What the numbers mean, in one paragraph.
std::string legend(const MethodComparison& comparison) {
  const std::size_t seeds =
      comparison.methods.empty() ? 0 : comparison.methods.front().trials.size();
  return fmt::format(
      "Medians over {} seeds of the evaluations until one of the best {} of {} networks (p90: 90 % "
      "of the seeds need at most this many) and until the very best; mean reported accuracy in "
      "percent (the best possible: {:.2f}); mean F that is missing at the end, in percent; CPU "
      "seconds per search; one-sided Mann-Whitney p of needing fewer evaluations than random "
      "search "
      "until the top 0.1 %.",
      seeds, comparison.optimum.top, comparison.optimum.networks,
      100.0 * comparison.optimum.best_reported);
}

std::string latex_text(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '&' || c == '#') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string number_or_empty(const std::optional<double>& value) {
  return value ? format_exact(*value) : "";
}

/// A curve for each method, from an evaluation on at which the differences can be seen.
Plot curves(const MethodComparison& comparison, std::string y_label,
            const std::function<double(const MethodTrials&, std::size_t)>& value) {
  Plot plot{.title = comparison.title,
            .subtitle = fmt::format(
                "mean of {} searches",
                comparison.methods.empty() ? 0 : comparison.methods.front().trials.size()),
            .x_label = "evaluations",
            .y_label = std::move(y_label),
            .series = {}};
  plot.has_whole_x = true;
  const std::size_t first = std::max<std::size_t>(1, comparison.evaluations / 25);
  for (const MethodTrials& method : comparison.methods) {
    PlotSeries series{.name = method.name, .x = {}, .y = {}, .mark = Mark::Line};
    for (std::size_t i = first; i <= comparison.evaluations; ++i) {
      series.x.push_back(static_cast<double>(i));
      series.y.push_back(value(method, i));
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

}  // namespace

std::vector<MethodSummary> summarise(const MethodComparison& comparison) {
  const std::size_t evaluations = comparison.evaluations;
  const MethodTrials* random = random_of(comparison);
  std::vector<MethodSummary> rows;
  for (const MethodTrials& method : comparison.methods) {
    const auto top = efforts(method, &MethodTrial::until_top, evaluations);
    MethodSummary row{.name = method.name,
                      .seeds = method.trials.size(),
                      .top_median = quantile_of(top, 0.5, evaluations),
                      .top_p90 = quantile_of(top, 0.9, evaluations),
                      .best_median = quantile_of(
                          efforts(method, &MethodTrial::until_best, evaluations), 0.5, evaluations),
                      .reported = {}};
    for (const std::size_t mark : kMarks) {
      row.reported.push_back(mark > evaluations
                                 ? std::nullopt
                                 : std::optional(mean_after(method, &MethodTrial::reported, mark)));
    }
    // A mean over many seeds is off by a rounding error where all of them found the best network.
    const double regret =
        comparison.optimum.best_score - mean_after(method, &MethodTrial::best_score, evaluations);
    row.regret = std::max(0.0, regret);
    std::vector<double> seconds;
    for (const MethodTrial& trial : method.trials) seconds.push_back(trial.seconds);
    row.seconds = mean(seconds);
    if (random != nullptr && !method.is_random) {
      row.p = mann_whitney_p(top, efforts(*random, &MethodTrial::until_top, evaluations));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string markdown(const MethodComparison& comparison) {
  std::vector<std::vector<std::string>> rows{head_cells()};
  for (const MethodSummary& row : summarise(comparison)) {
    rows.push_back(cells_of(row, comparison.evaluations));
  }
  std::vector<std::size_t> widths(rows.front().size(), 3);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text = fmt::format("### {}\n\n", comparison.title);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      text += fmt::format("| {:<{}} ", rows[r][i], widths[i]);
    }
    text += "|\n";
    if (r > 0) continue;
    for (const std::size_t width : widths) text += fmt::format("|{:-<{}}", "", width + 2);
    text += "|\n";
  }
  return text + "\n" + legend(comparison) + "\n";
}

std::string latex(const MethodComparison& comparison) {
  std::string text = fmt::format("% {}\n% {}\n\\begin{{tabular}}{{lrrrrrr}}\n\\hline\n",
                                 comparison.title, legend(comparison));
  const auto add = [&text](const std::vector<std::string>& cells) {
    std::vector<std::string> safe;
    safe.reserve(cells.size());
    for (const std::string& cell : cells) safe.push_back(latex_text(cell));
    text += join(safe, " & ") + " \\\\\n";
  };
  add(head_cells());
  text += "\\hline\n";
  for (const MethodSummary& row : summarise(comparison)) add(cells_of(row, comparison.evaluations));
  return text + "\\hline\n\\end{tabular}\n";
}

std::string csv(const MethodComparison& comparison) {
  std::string text = "method,seeds,evaluations,top_median,top_p90,best_median";
  for (const std::size_t mark : kMarks) text += fmt::format(",reported_{}", mark);
  text += ",regret,seconds,p\n";
  for (const MethodSummary& row : summarise(comparison)) {
    std::vector<std::string> cells{"\"" + row.name + "\"",
                                   std::to_string(row.seeds),
                                   std::to_string(comparison.evaluations),
                                   number_or_empty(row.top_median),
                                   number_or_empty(row.top_p90),
                                   number_or_empty(row.best_median)};
    for (const auto& accuracy : row.reported) cells.push_back(number_or_empty(accuracy));
    cells.insert(cells.end(),
                 {format_exact(row.regret), format_exact(row.seconds), number_or_empty(row.p)});
    text += join(cells, ",") + "\n";
  }
  return text;
}

nlohmann::json to_json(const MethodComparison& comparison) {
  const auto value = [](const std::optional<double>& number) {
    return number ? nlohmann::json(*number) : nlohmann::json();
  };
  nlohmann::json rows = nlohmann::json::array();
  for (const MethodSummary& row : summarise(comparison)) {
    nlohmann::json reported = nlohmann::json::array();
    for (const auto& accuracy : row.reported) reported.push_back(value(accuracy));
    rows.push_back({{"method", row.name},
                    {"seeds", row.seeds},
                    {"top_median", value(row.top_median)},
                    {"top_p90", value(row.top_p90)},
                    {"best_median", value(row.best_median)},
                    {"reported", reported},
                    {"regret", row.regret},
                    {"seconds", row.seconds},
                    {"p", value(row.p)}});
  }
  return {{"format", "hsconas-methods-1"},
          {"title", comparison.title},
          {"evaluations", comparison.evaluations},
          {"reported_after", kMarks},
          {"optimum",
           {{"networks", comparison.optimum.networks},
            {"top", comparison.optimum.top},
            {"top_score", comparison.optimum.top_score},
            {"best_score", comparison.optimum.best_score},
            {"best_reported", comparison.optimum.best_reported}}},
          {"methods", rows}};
}

std::string trials_csv(const MethodComparison& comparison) {
  std::string text = "method,seed,until_top,until_best,score,reported,seconds\n";
  const auto effort = [](std::size_t until) { return until == 0 ? "" : std::to_string(until); };
  for (const MethodTrials& method : comparison.methods) {
    for (const MethodTrial& trial : method.trials) {
      text += fmt::format("\"{}\",{},{},{},{},{},{}\n", method.name, trial.seed,
                          effort(trial.until_top), effort(trial.until_best),
                          format_exact(trial.best_score.back()),
                          format_exact(trial.reported.back()), format_exact(trial.seconds));
    }
  }
  return text;
}

std::string regret_plot(const MethodComparison& comparison) {
  return to_svg(curves(comparison, "regret of F, percent",
                       [&](const MethodTrials& method, std::size_t evaluations) {
                         return 100.0 * (comparison.optimum.best_score -
                                         mean_after(method, &MethodTrial::best_score, evaluations));
                       }));
}

std::string reported_plot(const MethodComparison& comparison) {
  return to_svg(curves(comparison, "reported accuracy, percent",
                       [](const MethodTrials& method, std::size_t evaluations) {
                         return 100.0 * mean_after(method, &MethodTrial::reported, evaluations);
                       }));
}

}  // namespace hsconas
