// Searches for several targets with one supernet: a config with targets, and --supernet.
#include <filesystem>
#include <set>

#include "app/program.hpp"
#include "catch.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// Writes targets.json: the measured table at two budgets, and a design's cost model.
void write_targets(const Bench& bench) {
  json config = micro_config();
  config["latency"]["table"] = finished_run().file("latency.json").string();
  config["targets"] = {
      {"tight", {{"latency", {{"target_position", 0.2}}}}},
      {"loose", {{"latency", {{"target_position", 0.8}}}}},
      {"chip", {{"latency", {{"table", ""}, {"accelerator", shipped("accelerators/kc-p.json")}}}}}};
  write_json(bench / "targets.json", config);
}

std::vector<std::string> search_targets(const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"search", "--config", "targets.json", "--work-dir", "many"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

/// A finished search for three targets.
struct FinishedTargets {
  Bench bench;
  Outcome outcome;

  FinishedTargets() {
    write_targets(bench);
    outcome = bench.run(search_targets());
  }
};

const FinishedTargets& finished_targets() {
  static const FinishedTargets run;
  return run;
}

}  // namespace

TEST_CASE("a search for three targets trains once and finds three winners", "[app]") {
  const auto& [bench, outcome] = finished_targets();
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(count_of(outcome.err, "supernet: 12 steps of 64 images") == 1);
  CHECK(count_of(outcome.err, "supernet: taken from many") == 3);
  for (const char* name : {"tight", "loose", "chip"}) {
    CHECK(fs::exists(bench / "many/targets" / name / "result.json"));
    CHECK(read_file(bench / "many/checkpoints/supernet.safetensors") ==
          read_file(bench / "many/targets" / name / "checkpoints/supernet.safetensors"));
  }
  CHECK(contains(read_file(bench / "many/report.html"), "Each winner on each device"));
  const json comparison = read_json(bench / "many/comparison.json");
  REQUIRE(comparison["runs"].size() == 3);
  const json& matrix = comparison["winners_on_tables_ms"];
  for (std::size_t i = 0; i < 3; ++i) {
    const double own = comparison["runs"][i]["winner"]["predicted_ms"];
    CHECK(matrix[i][i].get<double>() == Approx(own).epsilon(1e-9));
  }
  CHECK(matrix[0].size() == 3);
}

TEST_CASE("a target of a search equals a search for it alone", "[app]") {
  const auto& [bench, outcome] = finished_targets();
  REQUIRE(outcome.exit_code == 0);
  const std::string table = finished_run().table_override();
  const Outcome alone =
      bench.run(Bench::search("alone", {table, "latency.target_position=0.8", "name=loose"}));
  INFO(alone.err);
  REQUIRE(alone.exit_code == 0);
  CHECK(result_of(bench / "alone") == result_of(bench / "many/targets/loose"));
  CHECK(read_file(bench / "alone/candidates.csv") ==
        read_file(bench / "many/targets/loose/candidates.csv"));
}

TEST_CASE("a finished search for targets is continued without work, and takes a new target",
          "[app]") {
  const Bench bench;
  fs::copy(finished_targets().bench / "many", bench / "many", fs::copy_options::recursive);
  write_targets(bench);
  const Outcome again = bench.run(search_targets({"--resume"}));
  INFO(again.err);
  REQUIRE(again.exit_code == 0);
  CHECK(again.out == finished_targets().outcome.out);
  CHECK_FALSE(contains(again.err, "search: evolution"));
  const Outcome more =
      bench.run(search_targets({"--resume", "targets.middle.latency.target_position=0.5"}));
  INFO(more.err);
  REQUIRE(more.exit_code == 0);
  CHECK_FALSE(contains(more.err, "supernet: 12 steps"));
  CHECK(count_of(more.err, "search: evolution") == 1);
  CHECK(read_json(bench / "many/comparison.json")["runs"].size() == 4);
  CHECK(bench.run(search_targets()).exit_code == 2);
  const Outcome anew = bench.run(search_targets({"--overwrite"}));
  REQUIRE(anew.exit_code == 0);
  CHECK_FALSE(fs::exists(bench / "many/targets/middle"));
}

TEST_CASE("an infeasible target is refused before the training", "[app]") {
  const Bench bench;
  write_targets(bench);
  const Outcome outcome = bench.run(search_targets({"targets.chip.latency.target_ms=0.000001"}));
  CHECK(outcome.exit_code == 4);
  CHECK(contains(outcome.err, "target chip: "));
  CHECK_FALSE(fs::exists(bench / "many"));
}

TEST_CASE("targets that measure the same table measure it once", "[app]") {
  const Bench bench;
  json config = micro_config();
  config["targets"] = {{"a", {{"latency", {{"target_position", 0.2}}}}},
                       {"b", {{"latency", {{"target_position", 0.8}}}}}};
  write_json(bench / "targets.json", config);
  const Outcome outcome = bench.run({"train", "--config", "targets.json", "--work-dir", "many"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(count_of(outcome.err, "latency: taken from many/targets/a") == 1);
  CHECK(read_file(bench / "many/targets/a/latency.json") ==
        read_file(bench / "many/targets/b/latency.json"));
  CHECK_FALSE(fs::exists(bench / "many/targets/a/result.json"));
}

TEST_CASE("a search takes the supernet of another run", "[app]") {
  const Bench bench;
  const std::string table = finished_run().table_override();
  const std::string trained = (finished_run().bench / "run").string();
  const Outcome taken = bench.run(Bench::search("taken", {table, "--supernet", trained}));
  INFO(taken.err);
  REQUIRE(taken.exit_code == 0);
  CHECK_FALSE(contains(taken.err, "supernet: 12 steps"));
  CHECK(bench.run(Bench::search("trained", {table})).exit_code == 0);
  CHECK(result_of(bench / "taken") == result_of(bench / "trained"));

  const Outcome other =
      bench.run(Bench::search("other", {table, "--supernet", trained, "supernet.epochs=3"}));
  CHECK(other.exit_code == 2);
  CHECK(contains(other.err, "supernet.epochs changed from 2.0 to 3.0"));
  CHECK_FALSE(fs::exists(bench / "other"));
  const Outcome none = bench.run(Bench::search("none", {table, "--supernet", "nowhere"}));
  CHECK(none.exit_code == 3);
  CHECK(contains(none.err, "nowhere: holds no trained supernet"));
}

TEST_CASE("--overwrite keeps a run whose supernet cannot be taken", "[app]") {
  const Bench bench;
  const std::string table = finished_run().table_override();
  fs::copy(finished_run().bench / "run", bench / "own", fs::copy_options::recursive);
  fs::copy(finished_run().bench / "run", bench / "damaged", fs::copy_options::recursive);
  const fs::path weights = bench / "damaged/checkpoints/supernet.safetensors";
  fs::resize_file(weights, fs::file_size(weights) / 2);
  fs::create_directory_symlink(bench / "own", bench / "link");
  const auto kept = [&](const std::string& from, int code) {
    INFO(from);
    const Outcome outcome =
        bench.run(Bench::search("own", {table, "--overwrite", "--supernet", from}));
    CHECK(outcome.exit_code == code);
    CHECK(fs::exists(bench / "own/result.json"));
    CHECK(fs::exists(bench / "own/checkpoints/supernet.safetensors"));
  };
  kept("own", 2);
  kept("./own/", 2);
  kept("link", 2);
  kept("damaged", 3);
}

TEST_CASE("an unfinished target is continued by the search for all", "[app]") {
  const Bench bench;
  fs::copy(finished_targets().bench / "many", bench / "many", fs::copy_options::recursive);
  write_targets(bench);
  fs::remove(bench / "many/targets/chip/result.json");
  const Outcome report = bench.run({"report", "many"});
  CHECK(report.exit_code == 0);
  CHECK(contains(report.err, "many/targets/chip is left out"));
  CHECK(contains(report.err, "hsconas search --config many/config.json --work-dir many --resume"));
  CHECK(contains(report.out, "many/targets/loose"));
}

TEST_CASE("a folder of a search for several targets takes no search for one, and the other way",
          "[app]") {
  const Bench bench;
  fs::copy(finished_targets().bench / "many", bench / "many", fs::copy_options::recursive);
  fs::copy(finished_run().bench / "run", bench / "run", fs::copy_options::recursive);
  write_targets(bench);
  const Outcome one = bench.run(Bench::search("many", {"--resume", "--allow-changes"}));
  CHECK(one.exit_code == 2);
  CHECK(contains(one.err, "many: holds a search for several targets"));
  const Outcome several =
      bench.run({"search", "--config", "targets.json", "-w", "run", "--resume", "--allow-changes"});
  CHECK(several.exit_code == 2);
  CHECK(contains(several.err, "run: holds a search; continue it with"));
}

TEST_CASE("--processes takes one list, and what follows it are settings", "[app]") {
  const Bench bench;
  const std::string design = "latency.accelerator=" + shipped("accelerators/kc-p.json");
  const Outcome plan = bench.run(Bench::search(
      "none", {"--dry-run", "--processes", "1,2", "supernet.groups=2", "--link-gb", "2", design}));
  INFO(plan.err);
  CHECK(plan.exit_code == 0);
  CHECK(contains(plan.out, "limited by"));
  const auto refused = [&](const std::vector<std::string>& words, const std::string& why) {
    const Outcome outcome = bench.run(Bench::search("none", words));
    CHECK(outcome.exit_code == 2);
    INFO(outcome.err);
    CHECK(contains(outcome.err, why));
  };
  refused({"--dry-run", "--processes", "2", design}, "supernet.groups");
  refused({"--dry-run", "--processes", "1", "--link-us", "nan"}, "nan");
  refused({"--dry-run", "--processes", "0"}, "0");
  refused({"--processes", "1"}, "--dry-run");
  refused({"--dry-run", "--supernet", "x"}, "--supernet");
}

TEST_CASE("commands that cannot work on several targets say what to do", "[app]") {
  const auto& bench = finished_targets().bench;
  for (const std::string command : {"shrink", "profile", "codesign"}) {
    const Outcome outcome = bench.run({command, "--config", "targets.json", "-w", command});
    CHECK(outcome.exit_code == 2);
    CHECK(contains(outcome.err, "targets={}"));
    CHECK_FALSE(fs::exists(bench / command));
  }
  const Outcome exported = bench.run({"export", "many", "--onnx", "model.onnx"});
  CHECK(exported.exit_code == 3);
  CHECK(contains(exported.err, "many/targets"));
  const Outcome report = bench.run({"report", "many"});
  CHECK(report.exit_code == 0);
  CHECK(report.out == finished_targets().outcome.out);
  const Outcome plan = bench.run({"search", "--config", "targets.json", "--dry-run"});
  CHECK(plan.exit_code == 0);
  CHECK(count_of(plan.out, "target ") == 3);
}
