#include "hsconas/report/run_report.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "hsconas/report/limits_table.hpp"
#include "hsconas/space/subspace.hpp"
#include "page.hpp"
#include "run_sections.hpp"
#include "svg.hpp"

namespace hsconas {

namespace {

std::string signed_percent(double ratio) {
  return std::isfinite(ratio) ? fmt::format("{:+.1f} %", 100.0 * (ratio - 1.0)) : "-";
}

/// "133 M", "54.2 k".
std::string rounded(std::int64_t exact) {
  const auto count = static_cast<double>(exact);
  return count >= 1e6 ? fmt::format("{:.3g} M", count / 1e6) : fmt::format("{:.3g} k", count / 1e3);
}

/// The accuracies of the winner.
std::string accuracy_facts(const ResultRecord& result) {
  const ComparedArchitecture& winner = result.winner;
  const std::string over_random = fmt::format("{:+.2f} points over the random median",
                                              100.0 * (winner.accuracy - result.random_median));
  if (!result.known) {
    return fact("test accuracy", percent(result.test_accuracy),
                "with the supernet's weights, on the test images") +
           fact("held-out accuracy", percent(winner.accuracy), over_random);
  }
  return (winner.reported ? fact("reported accuracy", percent(*winner.reported),
                                 "in column " + result.known->reported_column)
                          : "") +
         fact("known accuracy", percent(winner.accuracy), over_random);
}

/// The latency of the winner and the budget; empty without a budget.
std::string latency_facts(const ResultRecord& result) {
  if (!result.has_budget()) return "";
  const ComparedArchitecture& winner = result.winner;
  const std::string unit = result.latency_unit();
  const std::string vs_budget = signed_percent(winner.predicted_ms / result.target_ms) + " vs T";
  return fact(result.known ? "latency" : "predicted latency",
              fmt::format("{:.4g} {}", winner.predicted_ms, unit),
              winner.error_ms > 0.0
                  ? fmt::format("\u00B1 {:.3g} {} (90 % error bar)", winner.error_ms, unit)
                  : "") +
         (winner.measured_ms
              ? fact("measured latency", fmt::format("{:.4g} ms", *winner.measured_ms),
                     signed_percent(*winner.measured_ms / winner.predicted_ms) + " vs predicted")
              : "") +
         fact("latency budget T", fmt::format("{:.4g} {}", result.target_ms, unit),
              result.known ? vs_budget : "predicted " + vs_budget);
}

std::string facts(const ResultRecord& result) {
  const ComparedArchitecture& winner = result.winner;
  return "<dl class=\"facts\">\n" + accuracy_facts(result) + latency_facts(result) +
         (winner.macs > 0 ? fact("multiply-adds", rounded(winner.macs), "") +
                                fact("parameters", rounded(winner.parameters), "")
                          : "") +
         "</dl>\n";
}

std::string compared_table(const ResultRecord& result) {
  const bool has_reported = result.winner.reported.has_value();
  const bool is_measured = result.winner.measured_ms.has_value();
  const bool has_cost = result.winner.macs > 0;
  std::vector<std::string> head{"", "accuracy"};
  if (has_reported) head.emplace_back("reported");
  head.emplace_back("F");
  if (result.has_budget()) {
    head.insert(head.end(), {result.known ? result.latency_unit() : "predicted ms", "vs T"});
  }
  if (is_measured) head.insert(head.end(), {"measured ms", "vs predicted"});
  if (has_cost) head.insert(head.end(), {"MACs (M)", "params (M)"});
  HtmlTable table(head);
  const auto add = [&](const ComparedArchitecture& row) {
    std::vector<std::string> cells{row.title, percent(row.accuracy)};
    if (has_reported) cells.push_back(row.reported ? percent(*row.reported) : "-");
    cells.push_back(fmt::format("{:.4f}", row.score));
    if (result.has_budget()) {
      cells.push_back(result.format_latency(row.predicted_ms));
      cells.push_back(signed_percent(row.predicted_ms / result.target_ms));
    }
    if (is_measured) {
      const double ms = row.measured_ms.value_or(0.0);
      cells.push_back(row.measured_ms ? fmt::format("{:.3f}", ms) : "-");
      cells.push_back(row.measured_ms ? signed_percent(ms / row.predicted_ms) : "-");
    }
    if (has_cost) {
      cells.push_back(fmt::format("{:.2f}", row.millions_of_macs()));
      cells.push_back(fmt::format("{:.3f}", row.millions_of_parameters()));
    }
    table.add(std::move(cells), row.title == "winner");
  };
  add(result.winner);
  for (const ComparedArchitecture& other : result.others) add(other);
  return table.str();
}

/// What the numbers of compared_table() mean.
std::string about_table(const ResultRecord& result) {
  const std::string score =
      result.has_budget()
          ? fmt::format(
                "The score is F = accuracy \u2212\u00A0{:.3g}\u00A0|latency / T - 1|, with "
                "the {} latency and the latency budget T{}.",
                std::abs(result.beta), result.known ? "given" : "predicted",
                result.known ? "" : " per batch")
          : "There is no latency budget: the score F is the accuracy.";
  if (result.known) {
    return fmt::format("Nothing was trained: accuracies are those in column {} of {}. {}",
                       result.known->accuracy_column, result.known->accuracies, score);
  }
  return "Accuracies in this table are measured on held-out training images with the "
         "supernet's shared weights; those of the other rows were measured before the "
         "supernet was tuned to the shrunk space. " +
         score;
}

/// Where latencies come from, after the name of the space.
std::string measured_on(const ResultRecord& result) {
  if (!result.known) return fmt::format(" on {}, batch {}", result.device, result.batch);
  return result.has_budget() ? ", latencies from " + result.known->latency_from : "";
}

/// The limited quantities beside their limits; empty where there are none.
std::string limits_part(const ResultRecord& result) {
  if (result.limits.empty()) return "";
  HtmlTable table(limits_head(result));
  for (auto& row : limits_rows(result)) {
    const bool is_winner = row.front() == "winner";
    table.add(std::move(row), is_winner);
  }
  return table.str() +
         paragraph(
             "The winner and the random architectures keep to these limits beside T. An "
             "exclamation mark means that an architecture exceeds a limit.");
}

std::string head(const RunRecord& run) {
  const Config& config = run.config;
  std::string html = fmt::format("<h1>{}</h1>\n", escaped(config.name));
  if (!run.result) {
    return html + fmt::format("<p class=\"notice\">{}</p>\n",
                              escaped("There is no result of a search here: " + run.unfinished +
                                      ". The files of the run are shown below; some may come from "
                                      "earlier settings."));
  }
  const ResultRecord& result = *run.result;
  html += fmt::format(
      "<p class=\"lead\">{}</p>\n",
      escaped(fmt::format("Search space {}{}, seed {}. The space has {} architectures, {} after "
                          "shrinking; {} were scored.",
                          config.space.name, measured_on(result), config.seed,
                          format_power(result.log10_space), format_power(result.log10_shrunk_space),
                          run.candidates.size())));
  html += facts(result);
  html += fmt::format("<p><code>{}</code><br>{}</p>\n", escaped(result.winner.arch),
                      escaped(result.winner.layers));
  html += compared_table(result);
  html += limits_part(result);
  return html + paragraph(about_table(result));
}

}  // namespace

std::string percent(double fraction) {
  return fmt::format("{:.2f} %", 100.0 * fraction);
}

std::string ms_axis(const char* what, int batch) {
  return fmt::format("{}, ms per batch of {}", what, batch);
}

std::string latency_axis(const RunRecord& run, int batch) {
  const bool is_looked_up = run.config.score.is_known() && !run.config.latency.column.empty();
  return is_looked_up ? fmt::format("{}, {}", run.config.latency.column, run.config.latency.unit)
                      : ms_axis("predicted latency", batch);
}

std::string accuracy_axis(const RunRecord& run) {
  return run.config.score.is_known() ? "known accuracy, %" : "accuracy on held-out images, %";
}

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
  // On known accuracies nothing is trained, and there may be no table of latencies.
  const bool is_known = run.config.score.is_known();
  const bool has_layers = !run.config.space.cell && (!is_known || run.table);
  return html_page(run.config.name + " - hsconas",
                   "<main>\n" + head(run) + candidates_section(run) +
                       (has_layers ? layers_section(run) : "") + search_section(run) +
                       shrink_section(run) + (!is_known || run.table ? latency_section(run) : "") +
                       (is_known ? "" : training_section(run)) + settings_section(run) +
                       "</main>\n");
}

}  // namespace hsconas
