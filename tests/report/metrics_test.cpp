#include "hsconas/report/metrics.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// The lines that remain when these lines are added in order, as "supernet 20, supernet 40".
std::string left_of(const std::vector<std::pair<std::string, int>>& lines) {
  MetricsHistory history;
  for (const auto& [stage, step] : lines) {
    history.add({.stage = stage, .step = step, .time = 0.0, .values = {}});
  }
  std::string text;
  for (const MetricsLine& line : history.lines()) {
    text += (text.empty() ? "" : ", ") + line.stage + " " + std::to_string(line.step);
  }
  return text;
}

}  // namespace

TEST_CASE("a line of metrics has a stage, a step, a time and named numbers", "[report]") {
  const MetricsLine line = read_metrics_line(json::parse(
      R"({"stage": "supernet", "step": 40, "time": 12.5, "loss": 2, "lr": 0.5, "note": "x",
          "broken": null})"));
  CHECK(line.stage == "supernet");
  CHECK(line.step == 40);
  CHECK(line.time == 12.5);
  CHECK(line.values == std::map<std::string, double>{{"loss", 2.0}, {"lr", 0.5}});
  CHECK(read_metrics_line(json{{"stage", "a"}, {"step", 1}}).time == 0.0);
}

TEST_CASE("a repeated step supersedes its stage's lines from that step on and later stages",
          "[report]") {
  CHECK(left_of({{"a", 20}, {"a", 40}, {"b", 20}}) == "a 20, a 40, b 20");
  // The run resumes from a checkpoint at step 45.
  CHECK(left_of({{"a", 20}, {"a", 40}, {"a", 60}, {"a", 80}, {"a", 65}, {"a", 85}}) ==
        "a 20, a 40, a 60, a 65, a 85");
  // A whole stage is repeated, which supersedes the later stages too.
  CHECK(left_of({{"a", 20}, {"a", 40}, {"b", 20}, {"c", 20}, {"a", 20}}) == "a 20");
  CHECK(left_of({{"a", 20}, {"b", 20}, {"c", 20}, {"b", 20}, {"b", 40}}) == "a 20, b 20, b 40");
  CHECK(left_of({{"a", 20}, {"a", 20}}) == "a 20");
}

TEST_CASE("metrics.jsonl is read, and a missing file gives an empty history", "[report]") {
  const TemporaryFolder folder;
  CHECK(load_metrics(folder / "none").lines().empty());
  write_file(folder / "m",
             "{\"stage\": \"a\", \"step\": 20}\n\n{\"stage\": \"a\", \"step\": 20}\n");
  CHECK(load_metrics(folder / "m").lines().size() == 1);
}

TEST_CASE("a damaged line of metrics.jsonl is an error that names the line", "[report]") {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& line) {
    write_file(folder / "m", "{\"stage\": \"a\", \"step\": 20}\n" + line + "\n");
    return error_of([&] { load_metrics(folder / "m"); });
  };
  const std::string at = "data: " + (folder / "m").string() + ":2: ";
  CHECK(message("{\"stage\": \"a\", \"st") == at + "is no JSON object");
  CHECK(message("17") == at + "is no JSON object");
  CHECK(message("{\"step\": 20}") == at + "stage is required");
  CHECK(message("{\"stage\": \"a\", \"step\": 1.5}") ==
        at + "step has the wrong type: 1.5 (expected: a whole number)");
}
