#include "hsconas/report/run_record.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/hash.hpp"
#include "support/errors.hpp"
#include "support/example_run.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// The files of an example run.
struct Files {
  Files() {
    make_example_run(folder / "run", example_config());
    result = read_json(folder / "run" / "result.json");
    shrink = read_json(folder / "run" / "shrink.json");
    candidates = read_file(folder / "run" / "candidates.csv");
  }
  TemporaryFolder folder;
  json result, shrink;
  std::string candidates;
};

const Files& files() {
  static const Files all;
  return all;
}

/// The error of reading a result in which `pointer` has `value`.
std::string error_with(const char* pointer, const json& value) {
  json damaged = files().result;
  damaged[json::json_pointer(pointer)] = value;
  return error_of([&] { read_result(damaged, "R"); });
}

}  // namespace

TEST_CASE("reading a result returns what was written", "[report]") {
  const json& written = files().result;
  const ResultRecord result = read_result(written, "R");
  CHECK(result.target_ms == written["target_ms"]);
  CHECK(result.device == "cpu: <fake> & co");
  CHECK(written["winner"]["arch"] == result.winner.arch);
  CHECK(result.winner.measured_ms == written["winner"]["measured_ms"]);
  CHECK(result.test_accuracy == 0.5);
  REQUIRE(result.others.size() == 3);
  CHECK(result.others[1].title == "smallest");
  CHECK(result.random.size() == 5);
  CHECK(result.random[0].latency_ms == written["random"]["candidates"][0]["predicted_ms"]);
  REQUIRE(result.weights.size() == 2);
  CHECK(result.weights[1].stage == "shrink-1");
  CHECK(result.history.size() == 4);
  CHECK(result.history[3].evaluations == 24);
}

TEST_CASE("a front is written and read, and only a search for one writes it", "[report]") {
  const json& written = files().result;
  CHECK_FALSE(written["search"].contains("front"));
  CHECK_FALSE(written["search"]["history"][0].contains("hypervolume"));
  ResultRecord result = read_result(written, "R");
  CHECK(result.front.empty());
  result.front = {{.arch = "a", .accuracy = 0.25, .latency_ms = 1.5, .score = 0.125},
                  {.arch = "b", .accuracy = 0.5, .latency_ms = 2.5, .score = 0.375}};
  result.history[1].hypervolume = 0.75;
  const ResultRecord again = read_result(to_json(result), "R");
  REQUIRE(again.front.size() == 2);
  CHECK(again.front[1].arch == "b");
  CHECK(again.front[1].latency_ms == 2.5);
  CHECK(again.front[1].accuracy == 0.5);
  CHECK(again.history[1].hypervolume == 0.75);
  CHECK(again.history[2].hypervolume == 0.0);
}

TEST_CASE("the course of a search by gradient is written and read, and no other search has one",
          "[report]") {
  const json& written = files().result;
  CHECK_FALSE(written["search"].contains("course"));
  CHECK_FALSE(written["search"].contains("collapsed"));
  ResultRecord result = read_result(written, "R");
  result.course = {{10, {.arch = "a", .accuracy = 0.25, .latency_ms = 1.5, .score = 0.125}},
                   {20, {.arch = "b", .accuracy = 0.5, .latency_ms = 2.5, .score = 0.375}}};
  result.is_collapsed = true;
  const ResultRecord again = read_result(to_json(result), "R");
  REQUIRE(again.course.size() == 2);
  CHECK(again.course[1].step == 20);
  CHECK(again.course[1].network.arch == "b");
  CHECK(again.course[1].network.latency_ms == 2.5);
  CHECK(again.course[0].network.accuracy == 0.25);
  CHECK(again.is_collapsed);
}

TEST_CASE("a result need not have measured times", "[report]") {
  json written = files().result;
  written["winner"].erase("measured_ms");
  CHECK_FALSE(read_result(written, "R").winner.measured_ms.has_value());
}

TEST_CASE("a damaged result is an error that names the file and the key", "[report]") {
  CHECK(error_with("/format", "hsconas-result-2") ==
        "data: R: format must be \"hsconas-result-4\", got \"hsconas-result-2\"");
  CHECK(error_with("/winner/accuracy", "x") ==
        "data: R: winner.accuracy has the wrong type: \"x\" (expected: a number)");
  CHECK(error_with("/others/1/macs", nullptr) ==
        "data: R: others[1].macs has the wrong type: null (expected: a whole number)");
  CHECK(error_with("/search/history", 3) == "data: R: search.history must be a list");
  CHECK(contains(error_with("/random", json::array()), "data: R: random"));
  json without = files().result;
  without.erase("beta");
  CHECK(error_of([&] { read_result(without, "R"); }) == "data: R: beta is required");
  CHECK(contains(error_of([] { read_result(json(3), "R"); }), "data: R: "));
}

TEST_CASE("shrink.json is read, and a damaged one is an error that names the key", "[report]") {
  const ShrinkRecord shrink = read_shrink(files().shrink, "S");
  CHECK(shrink.samples == 3);
  REQUIRE(shrink.stages.size() == 1);
  REQUIRE(shrink.stages[0].layers.size() == 1);
  CHECK(shrink.stages[0].layers[0].layer == 2);
  CHECK(shrink.stages[0].layers[0].operators.size() == 3);
  CHECK(shrink.method == "progressive");
  CHECK(shrink.stages[0].rounds.empty());
  CHECK(shrink.stages[0].radius == 0);
  CHECK(shrink.stages[0].best == 3);
  CHECK(shrink.stages[0].diversity > 0.0);
  json older = files().shrink;  // As a program before locality shrinking wrote it.
  older.erase("method");
  older["stages"][0].erase("best");
  CHECK(read_shrink(older, "S").method == "progressive");
  CHECK(read_shrink(older, "S").stages[0].best == 0);
  json damaged = files().shrink;
  damaged["stages"][0]["layers"][0]["operators"][1].erase("q");
  CHECK(contains(error_of([&] { read_shrink(damaged, "S"); }), "data: S: "));
  CHECK(contains(error_of([&] { read_shrink(damaged, "S"); }), "q is required"));
}

TEST_CASE("candidates are grouped by the weights with which they were scored", "[report]") {
  const TemporaryFolder folder;
  write_file(folder / "c.csv", files().candidates);
  RunRecord all{.folder = "", .config = example_config()};
  read_candidates(folder / "c.csv", {}, all);
  CHECK(all.weights.size() == 2);
  CHECK(all.earlier_candidates == 0);
  CHECK(all.candidates.front().weights == 0);
  CHECK(all.candidates.back().weights == 1);
  RunRecord some{.folder = "", .config = example_config()};
  read_candidates(folder / "c.csv", {{"shrink-1", "2222222222222222"}}, some);
  CHECK(some.candidates.size() + some.earlier_candidates == all.candidates.size());
  CHECK(some.candidates.size() >= 24);
  CHECK(some.earlier_candidates > 5);
}

TEST_CASE("a damaged line of candidates.csv is an error that names the line", "[report]") {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& line) {
    write_file(folder / "c.csv",
               fmt::format("weights,arch,accuracy,at_most,images,latency_ms,score,crc32\n{},{}\n",
                           line, crc32_of(line)));
    RunRecord run{.folder = "", .config = example_config()};
    return error_of([&] { read_candidates(folder / "c.csv", {}, run); });
  };
  CHECK(message("w,0:0-0:0-0:0,0.5,0.5,all,1,0.5") == "nothing");
  CHECK(contains(message("w,0:0-0:0-0:0,0.5,0.5,all,1"),
                 "c.csv:2: has 7 cells, but the header has 8"));
  CHECK(contains(message("w,0:0-0:9-0:0,0.5,0.5,all,1,0.5"), "c.csv:2: architecture '"));
  CHECK(
      contains(message("w,0:0-0:0-0:0,1.5,1.5,all,1,0.5"), "c.csv:2: accuracy must be in [0, 1]"));
  CHECK(contains(message("w,0:0-0:0-0:0,0.5,0.5,all,inf,0.5"),
                 "c.csv:2: latency_ms must be a number"));
}
