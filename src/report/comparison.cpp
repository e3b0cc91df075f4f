#include "hsconas/report/comparison.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/report/plot.hpp"
#include "hsconas/report/run_report.hpp"
#include "hsconas/report/table.hpp"
#include "page.hpp"
#include "settings_differences.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

const std::vector<std::string>& winners_head() {
  static const std::vector<std::string> head{"run",      "accuracy",     "test",  "over random",
                                             "F",        "predicted ms", "T ms",  "measured ms",
                                             "MACs (M)", "params (M)",   "scored"};
  return head;
}

/// The accuracy that the search has not seen: on test images or, of known ones, that reported.
std::optional<double> unseen_accuracy(const ResultRecord& result) {
  return result.known ? result.winner.reported : std::optional(result.test_accuracy);
}

std::vector<std::string> winner_row(const RunRecord& run) {
  const ResultRecord& result = *run.result;
  const ComparedArchitecture& winner = result.winner;
  const std::optional<double> unseen = unseen_accuracy(result);
  return {run.folder,
          fmt::format("{:.2f} %", 100.0 * winner.accuracy),
          unseen ? fmt::format("{:.2f} %", 100.0 * *unseen) : "-",
          fmt::format("{:+.2f}", 100.0 * (winner.accuracy - result.random_median)),
          fmt::format("{:.4f}", winner.score),
          fmt::format("{:.3f}", winner.predicted_ms),
          !result.has_budget() ? "-"
          : result.latency_unit() == "ms"
              ? fmt::format("{:.3f}", result.target_ms)
              : fmt::format("{:.4g} {}", result.target_ms, result.latency_unit()),
          winner.measured_ms ? fmt::format("{:.3f}", *winner.measured_ms) : "-",
          fmt::format("{:.2f}", winner.millions_of_macs()),
          fmt::format("{:.3f}", winner.millions_of_parameters()),
          fmt::format("{}", run.candidates.size())};
}

/// The distinct "device, batch" texts of the runs.
std::set<std::string> targets_of(const std::vector<RunRecord>& runs) {
  std::set<std::string> targets;
  for (const RunRecord& run : runs) {
    const ResultRecord& result = *run.result;
    targets.insert(!result.known         ? fmt::format("{}, batch {}", result.device, result.batch)
                   : result.has_budget() ? result.device
                                         : "no budget");
  }
  return targets;
}

std::string caution(const std::vector<RunRecord>& runs) {
  const auto targets = targets_of(runs);
  if (targets.size() == 1) return "All latencies: " + *targets.begin() + ".";
  return "Latencies are for different targets and cannot be compared: " +
         join({targets.begin(), targets.end()}, "; ") + ".";
}

/// The head and the rows of a table: what each run's winner takes by the latency table of each run,
/// and how far that is from the run's T.
struct Matrix {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

Matrix matrix_of(const std::vector<RunRecord>& runs, const WinnersOnTables& winners) {
  Matrix matrix{.head = {"winner of"}, .rows = {}};
  for (const RunRecord& run : runs) matrix.head.push_back("on " + run.folder);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    auto& row = matrix.rows.emplace_back(std::vector{runs[i].folder});
    for (std::size_t k = 0; k < runs.size(); ++k) {
      const double target_ms = runs[k].result->target_ms;
      row.push_back(fmt::format("{:.3f} ms, {:+.0f} %", winners[i][k],
                                100.0 * (winners[i][k] / target_ms - 1.0)));
    }
  }
  return matrix;
}

constexpr const char* kMatrixMeaning =
    "Each row is a winner, each column the latency table of a run: the predicted latency of the "
    "winner there, and its distance from the T of that run.";

Plot fronts(const std::vector<RunRecord>& runs) {
  Plot plot{.title = "Pareto fronts",
            .x_label = "predicted latency, ms per batch",
            .y_label = "accuracy on held-out images, %",
            .series = {}};
  std::vector<PlotSeries> winners;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunRecord& run = runs[i];
    const SearchSpace space(run.config.space);
    PlotSeries& series = plot.series.emplace_back();
    series.name = run.folder;
    series.mark = Mark::LineAndPoints;
    series.look = static_cast<int>(i);
    for (const ScoredArchitecture& scored : pareto_front(run.candidates)) {
      series.x.push_back(scored.latency_ms);
      series.y.push_back(100.0 * scored.accuracy);
      series.notes.push_back(fmt::format("{}: {:.2f} %, {:.4g} ms, F {:.4f}\n{}\n{}", run.folder,
                                         100.0 * scored.accuracy, scored.latency_ms, scored.score,
                                         scored.arch, space.describe(space.decode(scored.arch))));
    }
    const ComparedArchitecture& winner = run.result->winner;
    winners.push_back({.name = "",
                       .x = {winner.predicted_ms},
                       .y = {100.0 * winner.accuracy},
                       .mark = Mark::Ring,
                       .look = static_cast<int>(i)});
  }
  plot.series.insert(plot.series.end(), winners.begin(), winners.end());
  return plot;
}

}  // namespace

WinnersOnTables winners_on_tables(const std::vector<RunRecord>& runs) {
  const json space = to_json(runs.front().config.space);
  std::set<std::string> tables;
  for (const RunRecord& run : runs) {
    if (!run.table || to_json(run.config.space) != space) return {};
    tables.insert(to_json(*run.table).dump());
  }
  if (tables.size() < 2) return {};
  const SearchSpace shared(runs.front().config.space);
  std::vector<TableModel> models;
  models.reserve(runs.size());
  for (const RunRecord& run : runs) models.emplace_back(shared, *run.table);
  WinnersOnTables result;
  for (const RunRecord& run : runs) {
    auto& row = result.emplace_back();
    const Architecture winner = shared.decode(run.result->winner.arch);
    for (const TableModel& model : models) row.push_back(model.predict_ms(winner));
  }
  return result;
}

std::string comparison_text(const std::vector<RunRecord>& runs) {
  TextTable winners(winners_head());
  for (const RunRecord& run : runs) winners.add(winner_row(run));
  std::string text = winners.str() + "\n" + caution(runs) + "\n\n";
  if (const WinnersOnTables on_tables = winners_on_tables(runs); !on_tables.empty()) {
    Matrix matrix = matrix_of(runs, on_tables);
    TextTable table(std::move(matrix.head));
    for (auto& row : matrix.rows) table.add(std::move(row));
    text += table.str() + "\n" + kMatrixMeaning + "\n\n";
  }
  return text + differences_text(runs);
}

json comparison_json(const std::vector<RunRecord>& runs) {
  json list = json::array();
  for (const RunRecord& run : runs) {
    const ResultRecord& result = *run.result;
    list.push_back(
        {{"folder", run.folder},
         {"name", run.config.name},
         {"device", result.device},
         {"batch", result.batch},
         {"target_ms", result.target_ms},
         {"evaluations", run.candidates.size()},
         {"random_median", result.random_median},
         {"winner",
          {{"arch", result.winner.arch},
           {"accuracy", result.winner.accuracy},
           {result.known ? "reported_accuracy" : "test_accuracy",
            unseen_accuracy(result) ? json(*unseen_accuracy(result)) : json()},
           {"score", result.winner.score},
           {"predicted_ms", result.winner.predicted_ms},
           {"measured_ms", result.winner.measured_ms ? json(*result.winner.measured_ms) : json()},
           {"macs", result.winner.macs},
           {"parameters", result.winner.parameters}}}});
  }
  json comparison = {{"runs", list}, {"differences", differences_json(runs)}};
  if (const WinnersOnTables on_tables = winners_on_tables(runs); !on_tables.empty()) {
    comparison["winners_on_tables_ms"] = on_tables;
  }
  return comparison;
}

std::string comparison_page(const std::vector<RunRecord>& runs) {
  HtmlTable winners(winners_head());
  for (const RunRecord& run : runs) winners.add(winner_row(run));
  HtmlTable archs({"run", "winner", "layer by layer"});
  for (const RunRecord& run : runs) {
    archs.add({run.folder, run.result->winner.arch, run.result->winner.layers});
  }
  std::string specialisation;
  if (const WinnersOnTables on_tables = winners_on_tables(runs); !on_tables.empty()) {
    Matrix matrix = matrix_of(runs, on_tables);
    HtmlTable table(std::move(matrix.head));
    for (auto& row : matrix.rows) table.add(std::move(row));
    specialisation = section("Each winner on each device", table.str() + paragraph(kMatrixMeaning));
  }
  const std::string title = fmt::format("{} runs compared", runs.size());
  return html_page(
      title + " - hsconas",
      fmt::format("<main>\n<h1>{}</h1>\n", title) + paragraph(caution(runs)) +
          section("Winners", winners.str() + archs.str()) + specialisation +
          section("Accuracy against latency",
                  figure(to_svg(fronts(runs)),
                         "The Pareto front of all architectures that each run scored. A ring marks "
                         "the run's winner.")) +
          differences_section(runs) + "</main>\n");
}

}  // namespace hsconas
