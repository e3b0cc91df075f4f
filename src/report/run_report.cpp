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
  return fmt::format("{:+.1f} %", 100.0 * (ratio - 1.0));
}

/// "133 M", "54.2 k".
std::string rounded(std::int64_t exact) {
  const auto count = static_cast<double>(exact);
  return count >= 1e6 ? fmt::format("{:.3g} M", count / 1e6) : fmt::format("{:.3g} k", count / 1e3);
}

std::string fact(const std::string& name, const std::string& value, const std::string& more) {
  return fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>\n", escaped(name), escaped(value),
                     more.empty() ? "" : fmt::format("<small>{}</small>", escaped(more)));
}

std::string facts(const ResultRecord& result) {
  const ComparedArchitecture& winner = result.winner;
  const double over_random = 100.0 * (winner.accuracy - result.random_median);
  return "<dl class=\"facts\">\n" +
         fact("test accuracy", percent(result.test_accuracy),
              "with the supernet's weights, on the test images") +
         fact("held-out accuracy", percent(winner.accuracy),
              fmt::format("{:+.2f} points over the random median", over_random)) +
         fact("predicted latency", fmt::format("{:.4g} ms", winner.predicted_ms),
              winner.error_ms > 0.0
                  ? fmt::format("\u00B1 {:.3g} ms (90 % error bar)", winner.error_ms)
                  : "") +
         (winner.measured_ms
              ? fact("measured latency", fmt::format("{:.4g} ms", *winner.measured_ms),
                     signed_percent(*winner.measured_ms / winner.predicted_ms) + " vs predicted")
              : "") +
         fact("latency budget T", fmt::format("{:.4g} ms", result.target_ms),
              "predicted " + signed_percent(winner.predicted_ms / result.target_ms) + " vs T") +
         fact("multiply-adds", rounded(winner.macs), "") +
         fact("parameters", rounded(winner.parameters), "") + "</dl>\n";
}

std::string compared_table(const ResultRecord& result) {
  std::vector<std::string> head{"", "accuracy", "F", "predicted ms", "vs T"};
  if (result.winner.measured_ms) head.insert(head.end(), {"measured ms", "vs predicted"});
  head.insert(head.end(), {"MACs (M)", "params (M)"});
  HtmlTable table(head);
  const auto add = [&](const ComparedArchitecture& row) {
    std::vector<std::string> cells{row.title, percent(row.accuracy),
                                   fmt::format("{:.4f}", row.score),
                                   fmt::format("{:.3f}", row.predicted_ms),
                                   signed_percent(row.predicted_ms / result.target_ms)};
    if (result.winner.measured_ms) {
      const double ms = row.measured_ms.value_or(0.0);
      cells.push_back(row.measured_ms ? fmt::format("{:.3f}", ms) : "-");
      cells.push_back(row.measured_ms ? signed_percent(ms / row.predicted_ms) : "-");
    }
    cells.push_back(fmt::format("{:.2f}", row.millions_of_macs()));
    cells.push_back(fmt::format("{:.3f}", row.millions_of_parameters()));
    table.add(std::move(cells), row.title == "winner");
  };
  add(result.winner);
  for (const ComparedArchitecture& other : result.others) add(other);
  return table.str();
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
      escaped(fmt::format("Search space {} on {}, batch {}, seed {}. The space has {} "
                          "architectures, {} after shrinking; {} were scored.",
                          config.space.name, result.device, result.batch, config.seed,
                          format_power(result.log10_space), format_power(result.log10_shrunk_space),
                          run.candidates.size())));
  html += facts(result);
  html += fmt::format("<p><code>{}</code><br>{}</p>\n", escaped(result.winner.arch),
                      escaped(result.winner.layers));
  html += compared_table(result);
  html += limits_part(result);
  return html + paragraph(fmt::format(
                    "Accuracies in this table are measured on held-out training images with the "
                    "supernet's shared weights; those of the other rows were measured before the "
                    "supernet was tuned to the shrunk space. The score is F = accuracy "
                    "\u2212\u00A0{:.3g}\u00A0|latency / T - 1|, with the predicted latency and the "
                    "latency budget T per batch.",
                    std::abs(result.beta)));
}

}  // namespace

std::string percent(double fraction) {
  return fmt::format("{:.2f} %", 100.0 * fraction);
}

std::string ms_axis(const char* what, int batch) {
  return fmt::format("{}, ms per batch of {}", what, batch);
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
  return html_page(run.config.name + " - hsconas",
                   "<main>\n" + head(run) + candidates_section(run) + layers_section(run) +
                       search_section(run) + shrink_section(run) + latency_section(run) +
                       training_section(run) + settings_section(run) + "</main>\n");
}

}  // namespace hsconas
