#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/latency/source.hpp"
#include "hsconas/report/latency_report.hpp"
#include "hsconas/report/plot.hpp"
#include "page.hpp"
#include "run_sections.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

std::string latency_table_html(const json& held_out) {
  HtmlTable table({"networks", "model", "n", "RMSE ms", "RMSE %", "mean error %", "Kendall",
                   "within error bar"});
  const auto number = [](const json& value, int digits) {
    return value.is_number() ? fmt::format("{:.{}f}", value.get<double>(), digits) : "-";
  };
  for (const auto& [kind, of_kind] : held_out.items()) {
    for (const auto& [key, name] :
         {std::pair{"sum", "sum of blocks"}, {"constant", "sum + B"}, {"fitted", "model used"}}) {
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

}  // namespace

std::string latency_section(const RunRecord& run) {
  constexpr const char* kTitle = "Predicted and measured latency";
  if (!run.table) return section(kTitle, paragraph("There is no latency table so far."));
  const LatencyTable& table = *run.table;
  Plot plot = latency_scatter(table);
  const std::string per_batch = fmt::format(", ms per batch of {}", table.device.batch);
  plot.x_label = "measured" + per_batch;
  plot.y_label = "predicted" + per_batch;
  // A modelled accelerator and a remote device have no measured times.
  const bool is_device = !latency_source(run.config.latency).is_modelled;
  if (run.result && is_device && run.result->winner.measured_ms) {
    PlotSeries compared{.name = "winner and others", .x = {}, .y = {}};
    const auto add = [&](const ComparedArchitecture& row) {
      if (!row.measured_ms) return;
      compared.x.push_back(*row.measured_ms);
      compared.y.push_back(row.predicted_ms);
      compared.notes.push_back(fmt::format("{}: predicted {:.4g} ms, measured {:.4g} ms\n{}\n{}",
                                           row.title, row.predicted_ms, *row.measured_ms, row.arch,
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
    html += paragraph(is_device ? "The table was not tested on whole networks."
                                : "The target is a modelled accelerator: latencies are computed by "
                                  "its cost model, and nothing was timed.");
  } else {
    html += figure(
        to_svg(plot),
        fmt::format("These networks were not used to fit the latency model. Random ones are drawn "
                    "uniformly from the space, spread ones cover its range of latencies evenly. "
                    "The model has the form \"{}\" with the constant B = {:+.4g} ms. Its error bar "
                    "of \u00B1 {:.3g} % should contain 90 % of networks.",
                    table.form, table.bias_ms, table.error_percent));
  }
  if (!report.at("held_out").empty()) html += latency_table_html(report.at("held_out"));
  if (table.noise.is_disturbed()) {
    html += paragraph("The machine was busy with other work while the table was measured.");
  }
  return section(kTitle, html);
}

}  // namespace hsconas
