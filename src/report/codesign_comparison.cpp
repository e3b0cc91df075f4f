#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "codesign_front.hpp"
#include "hsconas/report/codesign_report.hpp"
#include "hsconas/report/run_report.hpp"
#include "hsconas/report/table.hpp"
#include "page.hpp"
#include "run_sections.hpp"
#include "settings_differences.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

std::vector<std::string> pairs_head() {
  return {"run",    "method", "accuracy",   "gap",   "latency ms",
          "energy", "mm^2",   "accuracies", "pairs", "seconds"};
}

std::vector<std::string> pair_row(const CodesignRun& codesign) {
  const CodesignRecord& found = *codesign.found;
  const auto gap = found.gap_points();
  return {codesign.run.folder,
          found.method,
          percent(found.best.accuracy),
          gap ? fmt::format("{:.3f}", *gap) : "-",
          fmt::format("{:.4f}", found.best.latency_ms),
          fmt::format("{:.4g} {}", found.best.energy, found.energy_unit),
          fmt::format("{:.3f}", found.best.area_mm2),
          fmt::format("{}", found.networks),
          fmt::format("{}", found.pairs),
          fmt::format("{:.2f}", found.seconds)};
}

constexpr const char* kColumns =
    "The gap is how many percentage points the accuracy is below that of the best of all pairs, "
    "where all accuracies are known. The columns accuracies and pairs count what the search asked "
    "for.";

/// Says whether the runs search the same pairs within the same limits.
std::string caution(const std::vector<CodesignRun>& runs) {
  std::set<std::string> problems;
  std::set<std::string> limits;
  for (const CodesignRun& codesign : runs) {
    const CodesignRecord& found = *codesign.found;
    problems.insert(
        json{found.space, found.designs, found.design_count, found.batch, found.energy_unit}
            .dump());
    limits.insert(found.limits);
  }
  if (problems.size() > 1) {
    return "The runs have different spaces, designs or batches, so their pairs cannot be compared.";
  }
  if (limits.size() > 1) return "The runs have different limits.";
  return "All runs have the same limits: " + *limits.begin() + ".";
}

template <typename Table>
std::string table_of(const std::vector<CodesignRun>& runs) {
  Table table(pairs_head());
  for (const CodesignRun& codesign : runs) table.add(pair_row(codesign));
  return table.str();
}

std::vector<RunRecord> records_of(const std::vector<CodesignRun>& runs) {
  std::vector<RunRecord> records;
  records.reserve(runs.size());
  for (const CodesignRun& codesign : runs) records.push_back(codesign.run);
  return records;
}

/// The Pareto front of accuracy and latency; the pairs of CodesignRecord::front differ in energy,
/// too.
PlotSeries front_of(const CodesignRun& codesign, int look) {
  const CodesignRecord& found = *codesign.found;
  std::vector<ScoredArchitecture> pairs;
  for (const CodesignPair& pair : found.front) {
    pairs.push_back(
        {.arch = name_of(pair), .accuracy = pair.accuracy, .latency_ms = pair.latency_ms});
  }
  PlotSeries series{
      .name = codesign.run.folder, .x = {}, .y = {}, .mark = Mark::LineAndPoints, .look = look};
  for (const ScoredArchitecture& pair : pareto_front(pairs)) {
    series.x.push_back(pair.latency_ms);
    series.y.push_back(100.0 * pair.accuracy);
    series.notes.push_back(fmt::format("{}, {}: {}, {:.4g} ms\n{}", codesign.run.folder,
                                       found.method, percent(pair.accuracy), pair.latency_ms,
                                       pair.arch));
  }
  return series;
}

Plot fronts(const std::vector<CodesignRun>& runs) {
  Plot plot{.title = "Pareto fronts of accuracy and latency",
            .x_label = "latency, ms per batch",
            .y_label = "accuracy, %",
            .series = {}};
  std::vector<PlotSeries> best;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto look = static_cast<int>(i);
    plot.series.push_back(front_of(runs[i], look));
    const CodesignRecord& found = *runs[i].found;
    best.push_back({.name = "",
                    .x = {found.best.latency_ms},
                    .y = {100.0 * found.best.accuracy},
                    .notes = {note_on(found.best, found.energy_unit)},
                    .mark = Mark::Ring,
                    .look = look});
  }
  plot.series.insert(plot.series.end(), best.begin(), best.end());
  return plot;
}

}  // namespace

std::string codesign_comparison_text(const std::vector<CodesignRun>& runs) {
  return table_of<TextTable>(runs) + "\n" + caution(runs) + " " + kColumns + "\n\n" +
         differences_text(records_of(runs));
}

json codesign_comparison_json(const std::vector<CodesignRun>& runs) {
  json list = json::array();
  for (const CodesignRun& codesign : runs) {
    const json found = to_json(*codesign.found);
    const auto gap = codesign.found->gap_points();
    list.push_back({{"folder", codesign.run.folder},
                    {"name", found.at("name")},
                    {"method", found.at("method")},
                    {"limits", found.at("limits")},
                    {"best", found.at("best")},
                    {"gap_points", gap ? json(*gap) : json()},
                    {"evaluations", found.at("evaluations")},
                    {"seconds", found.at("seconds")}});
  }
  return {{"runs", std::move(list)}, {"differences", differences_json(records_of(runs))}};
}

std::string codesign_comparison_page(const std::vector<CodesignRun>& runs) {
  HtmlTable pairs({"run", "network", "accelerator", "layer by layer"});
  for (const CodesignRun& codesign : runs) {
    const BestCodesignPair& best = codesign.found->best;
    pairs.add({codesign.run.folder, best.arch, best.design, best.layers});
  }
  const std::string title = fmt::format("{} co-design runs compared", runs.size());
  return html_page(
      title + " - hsconas",
      fmt::format("<main>\n<h1>{}</h1>\n", title) + paragraph(caution(runs)) +
          section("Best pairs", table_of<HtmlTable>(runs) + paragraph(kColumns) + pairs.str()) +
          section("Accuracy against latency",
                  figure(to_svg(fronts(runs)),
                         "The Pareto front of the pairs that each run tried, without regard to "
                         "energy. A ring marks the run's best pair.")) +
          differences_section(records_of(runs)) + "</main>\n");
}

}  // namespace hsconas
