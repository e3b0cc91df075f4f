#include "hsconas/report/latency_report.hpp"

#include <cmath>
#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "report/count.hpp"
#include "support/errors.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// A table with three random networks, measured twice, two spread networks, measured once, and two
/// networks used for fitting.
LatencyTable example() {
  LatencyTable table;
  table.space = "tiny";
  table.device = {.device = "cpu: example", .threads = 2, .batch = 8};
  table.entries["sharp"] = {.ms = 1.0, .low = 0.99, .high = 1.01, .n = 30, .network_ms = 1.1};
  table.entries["wide"] = {.ms = 2.0, .low = 1.6, .high = 2.4, .n = 15, .network_ms = 2.2};
  table.entries["middling"] = {.ms = 1.0, .low = 0.9, .high = 1.0, .n = 15, .network_ms = 0.9};
  table.bias_ms = 0.25;
  table.form = "per layer";
  table.trials = {{"constant", 3.5}, {"per layer", 1.25}, {"per block", std::nan("")}};
  table.error_percent = 10.0;
  table.noise = {.reference_ms = 0.5,
                 .reference_spread_percent = 2.5,
                 .slow_percent = 1.5,
                 .other_cpus = 0.25,
                 .cpus = 4.0};
  table.calibration = {{.arch = "a", .sum_ms = 1.0, .predicted_ms = 1.4, .measured_ms = 1.5},
                       {.arch = "b", .sum_ms = 2.0, .predicted_ms = 2.4, .measured_ms = 2.5}};
  table.test = {
      {.arch = "c", .sum_ms = 3.0, .predicted_ms = 4.0, .measured_ms = 4.25, .again_ms = 4.25},
      {.arch = "d", .sum_ms = 4.0, .predicted_ms = 5.0, .measured_ms = 6.0, .again_ms = 7.0},
      {.arch = "e", .sum_ms = 5.0, .predicted_ms = 6.0, .measured_ms = 6.25, .again_ms = 6.5}};
  table.test_spread = {{.arch = "f", .sum_ms = 1.0, .predicted_ms = 2.0, .measured_ms = 2.0},
                       {.arch = "g", .sum_ms = 8.0, .predicted_ms = 9.0, .measured_ms = 9.0}};
  return table;
}

LatencyTable fitted() {
  LatencyTable table{.space = "cell",
                     .device = {.device = "phone"},
                     .by_position = true,
                     .bias_ms = 1.0,
                     .form = "per position"};
  table.entries["0/conv"] = {.n = 3, .network_ms = 0.5};
  table.trials = {{"per position", 0.5}};
  table.calibration = {{.arch = "0", .predicted_ms = 1.5, .measured_ms = 1.5}};
  table.test = {{.arch = "1", .predicted_ms = 1.0, .measured_ms = 1.5},
                {.arch = "2", .predicted_ms = 2.0, .measured_ms = 1.75}};
  return table;
}

/// The first line of `text` that holds `part`.
std::string line_with(const std::string& text, const std::string& part) {
  const std::size_t at = text.find(part);
  if (at == std::string::npos) return "";
  const std::size_t begin = text.rfind('\n', at);
  return text.substr(begin + 1, text.find('\n', at) - begin - 1);
}

}  // namespace

TEST_CASE("the report has the table's size, its widest intervals first and the machine's noise",
          "[report]") {
  const std::string text = latency_report(example());
  CHECK(line_with(text, "entries") == "3 entries for space tiny, batch 8, 2 threads, cpu: example");
  CHECK(line_with(text, "intervals") == "intervals (90 %): median +-5.0 %; the widest:");
  CHECK(line_with(text, "wide:") == "  wide: 2.0000 ms, +-20.0 % (15 timings)");
  CHECK(text.find("wide:") < text.find("middling:"));
  CHECK(text.find("middling:") < text.find("sharp:"));
  CHECK(line_with(text, "machine:") ==
        "machine: a reference block took 0.5000 ms (95 % quantile +2.5 %), slow 1.5 % of the "
        "time, drifting by +-0.0 %; others kept 0.25 of 4 CPUs busy");
  LatencyTable unknown = example();
  unknown.noise.other_cpus = -1.0;
  CHECK(contains(latency_report(unknown), "load by others unknown"));
}

TEST_CASE("the report says in which mode and precision a GPU was timed", "[report]") {
  LatencyTable table = example();
  table.device = {.device = "cuda: example, 3 SMs",
                  .batch = 32,
                  .precision = "fp16",
                  .versions = "",
                  .mode = "graph"};
  CHECK(line_with(latency_report(table), "entries") ==
        "3 entries for space tiny, batch 32, 1 thread, cuda: example, 3 SMs, fp16, graph");
  CHECK(latency_scatter(table).subtitle == "tiny, batch 32, cuda: example, 3 SMs, fp16, graph");
  CHECK(latency_report_json(table)["device"] == "cuda: example, 3 SMs, fp16, graph");
}

TEST_CASE("the report shows five entries, those with the widest intervals", "[report]") {
  LatencyTable table = example();
  for (int i = 0; i < 10; ++i) {
    table.entries["more" + std::to_string(i)] = {.ms = 1.0, .low = 0.95, .high = 1.05, .n = 15};
  }
  const std::string text = latency_report(table);
  CHECK(count(text, " timings)") == 5);
  CHECK_FALSE(contains(text, "sharp:"));
}

TEST_CASE("the report lists the forms with their left-out errors and marks the chosen one",
          "[report]") {
  const std::string text = latency_report(example());
  CHECK(line_with(text, "B = ") == "B = +0.2500 ms; model \"per layer\", fitted on 2 networks");
  CHECK(contains(line_with(text, "constant"), "3.500 %"));
  CHECK(contains(line_with(text, "per layer (chosen)"), "1.250 %"));
  CHECK(count(text, "(chosen)") == 1);
  const std::string unknown = line_with(text, "per block");
  CHECK(unknown.back() == '-');
  CHECK_FALSE(contains(text, "nan"));
}

TEST_CASE("the report tests the sum, the sum plus a constant and the model on each kind of network",
          "[report]") {
  const LatencyTable table = example();
  const std::string text = latency_report(table);
  for (const char* name : {"sum, no B", "sum + B"}) CHECK(count(text, name) == 2);
  CHECK(count(text, "random") == 4);  // Once per model and once for the error bar.
  CHECK(count(text, "spread") == 4);
  // The two measurements, 4.25, 6, 6.25 and 4.25, 7, 6.5, order one of three pairs differently. The
  // spread networks were timed only once.
  const std::string random = line_with(text, "random");
  CHECK(random.substr(random.size() - 6) == "0.3333");
  const std::string spread = line_with(text, "spread");
  CHECK(spread.back() == '-');
  CHECK(line_with(text, "random networks") ==
        "error bar +-10.00 % (for 90 %): contains 67 % of the 3 random networks");
  CHECK(line_with(text, "spread networks") ==
        "error bar +-10.00 % (for 90 %): contains 100 % of the 2 spread networks");
}

TEST_CASE("the report as JSON has the same numbers", "[report]") {
  const LatencyTable table = example();
  const json report = json::parse(latency_report_json(table).dump());
  CHECK(report["entries"] == 3);
  CHECK(report["bias_ms"] == 0.25);
  CHECK(report["form"] == "per layer");
  CHECK(report["error_percent"] == 10.0);
  CHECK(report["median_half_width_percent"].get<double>() == Approx(5.0));
  CHECK(report["disturbed"] == false);
  REQUIRE(report["trials"].size() == 3);
  CHECK(report["trials"][1] == json{{"form", "per layer"}, {"left_out_percent", 1.25}});
  CHECK(report["trials"][2]["left_out_percent"].is_null());
  const json& random = report["held_out"]["random"];
  CHECK(random["sum"]["n"] == 3);
  CHECK(random["sum"]["mean_error_ms"].get<double>() == Approx(-1.5));
  CHECK(random["constant"]["mean_error_ms"].get<double>() == Approx(-1.0));
  CHECK(random["fitted"]["mean_error_ms"].get<double>() == Approx(-0.5));
  CHECK(random["fitted"]["kendall"] == 1.0);
  CHECK(random["kendall_ceiling"].get<double>() == Approx(1.0 / 3.0));
  CHECK(random["error_bar_coverage"].get<double>() == Approx(2.0 / 3.0));
  const json& spread = report["held_out"]["spread"];
  CHECK(spread["fitted"]["rmse_ms"] == 0.0);
  CHECK(spread["kendall_ceiling"].is_null());
  CHECK(spread["error_bar_coverage"] == 1.0);
}

TEST_CASE("the report says when the machine was disturbed", "[report]") {
  LatencyTable table = example();
  table.noise.slow_percent = 30.0;
  CHECK(latency_report_json(table)["disturbed"] == true);
}

TEST_CASE("a table fitted to whole networks is reported without intervals and sums", "[report]") {
  const std::string text = latency_report(fitted());
  CHECK_FALSE(contains(text, "intervals"));
  CHECK_FALSE(contains(text, "machine:"));
  CHECK_FALSE(contains(text, "sum"));
  CHECK(count(text, "random") == 1);
  CHECK_FALSE(contains(text, "spread"));
  const json report = latency_report_json(fitted());
  CHECK(report["held_out"].size() == 1);
  CHECK(report["held_out"]["random"]["fitted"]["n"] == 2);
  CHECK_FALSE(report["held_out"]["random"].contains("sum"));
  CHECK_FALSE(report["held_out"]["random"].contains("constant"));
}

TEST_CASE("a table without test networks, or without any networks, is reported", "[report]") {
  LatencyTable table = example();
  table.test.clear();
  table.test_spread.clear();
  CHECK(contains(latency_report(table), "per layer (chosen)"));
  CHECK_FALSE(contains(latency_report(table), "error bar"));
  CHECK(latency_report_json(table)["held_out"] == json::object());
  CHECK(contains(to_svg(latency_scatter(table)), "<svg"));
  table.calibration.clear();
  table.trials.clear();
  CHECK_FALSE(contains(latency_report(table), "B = "));
  const LatencyTable empty;
  CHECK(contains(latency_report(empty), "0 entries"));
  CHECK(latency_report_json(empty)["entries"] == 0);
  CHECK(contains(to_svg(latency_scatter(empty)), "<svg"));
}

TEST_CASE("the scatter plot has one point for every test network", "[report]") {
  const std::string svg = to_svg(latency_scatter(example()));
  CHECK(contains(svg, "random (n = 3)"));
  CHECK(contains(svg, "spread (n = 2)"));
  CHECK(contains(svg, "cpu: example"));
  CHECK(contains(svg, "measured, ms"));
  CHECK(contains(svg, "10 %"));  // The error bar, shaded.
  LatencyTable far = example();
  far.error_percent = 250.0;  // An error bar that the plot cannot show must not be an error.
  CHECK(contains(to_svg(latency_scatter(far)), "<svg"));
}

TEST_CASE("a table that ranks networks hardly better than chance causes a warning", "[report]") {
  LatencyTable table = example();
  CHECK(latency_doubt(table).empty());  // There are too few networks.
  table.test.clear();
  for (int i = 0; i < 12; ++i) {
    table.test.push_back({.predicted_ms = 1.0 + i, .measured_ms = 1.0 + (i * 5) % 12});
  }
  CHECK(latency_doubt(table).find("Kendall 0.") != std::string::npos);
  for (MeasuredNetwork& network : table.test) network.measured_ms = 7.0;
  CHECK(latency_doubt(table).find("Kendall 0.00") != std::string::npos);
  // Random networks may have nearly equal times; correct ranks of the spread ones are enough.
  table.test_spread.clear();
  for (int i = 0; i < 12; ++i) {
    table.test_spread.push_back({.predicted_ms = 1.0 + i, .measured_ms = 2.0 + i});
  }
  CHECK(latency_doubt(table).empty());
}
