// Whole runs: their files, their reproducibility and their continuation.
#include <algorithm>
#include <filesystem>
#include <set>

#include "app/program.hpp"
#include "catch.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

std::set<std::string> names_below(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.insert(entry.path().lexically_relative(folder).string());
  }
  return names;
}

bool was_reused(const Outcome& outcome, const std::string& stage) {
  return contains(outcome.err, stage + ": finished before with the same settings, reused");
}

/// The stages that logged why they run again.
std::set<std::string> reruns(const Outcome& outcome) {
  std::set<std::string> stages;
  for (const std::string& line : lines_of(outcome.err)) {
    const auto words = split(line, ' ');
    if (contains(line, ": runs again because "))
      stages.insert(words.at(1).substr(0, words[1].size() - 1));
  }
  return stages;
}

/// Interrupts a run with `signal` once `mark` is on stderr, continues it, and checks that its
/// results equal those of an uninterrupted run with the same settings and latency table.
void check_interrupted(int signal, const std::string& mark, const std::vector<std::string>& more) {
  const Bench bench;
  std::vector<std::string> settings{finished_run().table_override(), "--resume"};
  settings.insert(settings.end(), more.begin(), more.end());
  Process whole = bench.start(Bench::search("whole", settings));
  Process process = bench.start(Bench::search("stopped", settings));
  process.wait_for(mark);
  process.send(signal);
  const Outcome stopped = process.wait();
  INFO(stopped.err);
  REQUIRE(stopped.exit_code == 75);
  CHECK(stopped.out.empty());
  CHECK(lines_of(stopped.err).back().starts_with("hsconas: "));
  CHECK(contains(lines_of(stopped.err).back(), "stopped on request"));
  CHECK_FALSE(fs::exists(bench / "stopped/result.json"));

  const Outcome continued = bench.run(Bench::search("stopped", settings));
  INFO(continued.err);
  REQUIRE(continued.exit_code == 0);
  REQUIRE(whole.wait().exit_code == 0);
  CHECK(result_of(bench / "stopped") == result_of(bench / "whole"));
  CHECK(read_file(bench / "stopped/candidates.csv") == read_file(bench / "whole/candidates.csv"));
  CHECK(read_file(bench / "stopped/shrink.json") == read_file(bench / "whole/shrink.json"));
}

/// A copy of the finished run, to continue with other settings.
Bench& continued_bench() {
  static Bench bench;
  fs::remove_all(bench / "run");
  fs::copy(finished_run().bench / "run", bench / "run", fs::copy_options::recursive);
  return bench;
}

}  // namespace

TEST_CASE("a search writes every file of a run and no others", "[app]") {
  INFO(finished_run().outcome.err);
  REQUIRE(finished_run().outcome.exit_code == 0);
  CHECK(names_below(finished_run().bench / "run") ==
        std::set<std::string>{
            "architecture.json", "candidates.csv", "checkpoints/shrink-1.safetensors",
            "checkpoints/supernet.safetensors", "config.json", "latency.json", "latency.svg",
            "log.txt", "metrics.jsonl", "model.safetensors", "report.html", "result.json",
            "shrink.json", "stages.json", "version.txt"});
}

TEST_CASE("the files of a run have the documented formats", "[app]") {
  const auto& run = finished_run();
  CHECK(read_json(run.file("config.json"))["search"]["population"] == 4);
  CHECK(read_file(run.file("version.txt")).starts_with("hsconas "));
  CHECK(contains(read_file(run.file("log.txt")), "supernet: 12 steps of 64 images"));
  CHECK(read_json(run.file("latency.json"))["format"] == "hsconas-latency-2");
  CHECK(read_json(run.file("shrink.json"))["format"] == "hsconas-shrink-1");
  CHECK(read_json(run.file("result.json"))["format"] == "hsconas-result-4");
  CHECK(read_json(run.file("stages.json")).contains("search"));
  CHECK(lines_of(read_file(run.file("candidates.csv"))).front() ==
        "weights,arch,accuracy,at_most,images,latency_ms,score,crc32");
  const auto metrics = lines_of(read_file(run.file("metrics.jsonl")));
  REQUIRE_FALSE(metrics.empty());
  std::set<std::string> stages;
  for (const std::string& line : metrics) {
    const json values = json::parse(line);
    stages.insert(values["stage"]);
    CHECK(values.contains(values["stage"] == "search" ? "best_score" : "loss"));
    CHECK(values["time"] > 1.6e9);
  }
  CHECK(stages == std::set<std::string>{"supernet", "shrink-1", "search"});
  CHECK(json::parse(metrics.back())["stage"] == "search");
}

TEST_CASE("results go to stdout and everything else to stderr", "[app]") {
  const Outcome& outcome = finished_run().outcome;
  const json result = read_json(finished_run().file("result.json"));
  const auto winner = result["winner"]["arch"].get<std::string>();
  CHECK(contains(outcome.out, "winner: " + winner));
  CHECK_FALSE(contains(outcome.out, "supernet:"));
  CHECK_FALSE(contains(outcome.err, winner));
  CHECK(contains(outcome.err, "supernet: 12 steps of 64 images"));
  CHECK(lines_of(outcome.err).back().ends_with("all files of this run are in run"));
  CHECK_FALSE(contains(outcome.err, "\x1b"));  // Without a terminal: no colours, no progress bar.
  CHECK_FALSE(contains(outcome.err, "\r"));
}

TEST_CASE("--json prints result.json as one object, and --quiet keeps stderr empty", "[app]") {
  Bench& bench = continued_bench();
  const Outcome outcome = bench.run(Bench::search("run", {"--resume", "--json", "--quiet"}));
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  CHECK(lines_of(outcome.out).size() == 1);
  CHECK(json::parse(outcome.out) == read_json(bench / "run/result.json"));
}

TEST_CASE("equal seeds and latency tables give equal results, other seeds other results", "[app]") {
  const Bench bench;
  const std::string table = finished_run().table_override();
  for (const Outcome& outcome :
       bench.run_all({Bench::search("a", {table}), Bench::search("b", {table, "--seed", "2"})})) {
    REQUIRE(outcome.exit_code == 0);
  }
  const json first = result_of(finished_run().bench / "run");
  CHECK(result_of(bench / "a") == first);
  CHECK(read_file(bench / "a/candidates.csv") != read_file(bench / "b/candidates.csv"));
  json other = result_of(bench / "b");
  CHECK(other != first);
  other["seed"] = first["seed"];
  CHECK(other != first);
}

TEST_CASE("profile, train and shrink stop after their stage, and search continues", "[app]") {
  const Bench bench;
  const std::string table = finished_run().table_override();
  const auto run = [&](const std::string& command) {
    const Outcome outcome = bench.run(
        {command, "--config", "micro.json", "--work-dir", "run", "--resume", "--json", table});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return json::parse(outcome.out);
  };
  CHECK(run("profile")["held_out"]["random"]["fitted"]["n"] == 3);
  CHECK(fs::exists(bench / "run/latency.json"));
  CHECK(fs::is_empty(bench / "run/checkpoints"));
  CHECK(run("train")["stage"] == "supernet");
  CHECK(fs::exists(bench / "run/checkpoints/supernet.safetensors"));
  CHECK_FALSE(fs::exists(bench / "run/shrink.json"));
  CHECK(run("shrink")["operators"][2].size() == 1);
  CHECK(fs::exists(bench / "run/shrink.json"));
  CHECK_FALSE(fs::exists(bench / "run/result.json"));
  CHECK(without_measurements(run("search")) == result_of(finished_run().bench / "run"));
}

TEST_CASE("without --work-dir a run goes to runs/<name>/<time>", "[app]") {
  const Bench bench;
  const Outcome outcome = bench.run(
      {"profile", "--config", "micro.json", finished_run().table_override(), "name=mine"});
  REQUIRE(outcome.exit_code == 0);
  REQUIRE(fs::exists(bench / "runs/mine"));
  const auto run = fs::directory_iterator(bench / "runs/mine")->path();
  CHECK(run.filename().string().size() == std::string("20210131T235959Z").size());
  CHECK(fs::exists(run / "latency.json"));
}

TEST_CASE("a rerun without changes reuses every stage and gives the same result", "[app]") {
  Bench& bench = continued_bench();
  const Outcome outcome = bench.run(Bench::search("run", {"--resume"}));
  REQUIRE(outcome.exit_code == 0);
  CHECK(was_reused(outcome, "latency"));
  CHECK(was_reused(outcome, "search"));
  CHECK(reruns(outcome).empty());
  CHECK(outcome.out == finished_run().outcome.out);
  CHECK(read_file(bench / "run/result.json") == read_file(finished_run().file("result.json")));
}

TEST_CASE("another population reruns only the search and logs why", "[app]") {
  const Outcome outcome = continued_bench().run(
      Bench::search("run", {"--resume", "--allow-changes", "search.population=6"}));
  REQUIRE(outcome.exit_code == 0);
  CHECK(contains(outcome.err, "search: runs again because search.population changed from 4 to 6"));
  CHECK(reruns(outcome) == std::set<std::string>{"search"});
  for (const char* stage : {"latency", "supernet", "shrink-1"}) CHECK(was_reused(outcome, stage));
}

TEST_CASE("more epochs rerun the supernet and all later stages, but not the measurements",
          "[app]") {
  const Outcome outcome = continued_bench().run(
      Bench::search("run", {"--resume", "--allow-changes", "supernet.epochs=3"}));
  REQUIRE(outcome.exit_code == 0);
  CHECK(contains(outcome.err,
                 "supernet: runs again because supernet.epochs changed from 2.0 to 3.0"));
  CHECK(reruns(outcome) == std::set<std::string>{"supernet", "shrink-1", "search"});
  CHECK(was_reused(outcome, "latency"));
}

TEST_CASE("another precision of scoring reruns shrinking and search, but not the training",
          "[app]") {
  const Outcome outcome = continued_bench().run(
      Bench::search("run", {"--resume", "--allow-changes", "score.precision=fp16"}));
  REQUIRE(outcome.exit_code == 0);
  INFO(outcome.err);
  CHECK(contains(outcome.err, "score.precision changed from \"fp32\" to \"fp16\""));
  for (const char* stage : {"latency", "supernet"}) CHECK(was_reused(outcome, stage));
  CHECK(reruns(outcome) == std::set<std::string>{"shrink-1", "search"});
}

TEST_CASE("a run with precision auto and one with fp32 share their stages", "[app]") {
  const json config = read_json(finished_run().file("config.json"));
  CHECK(config["supernet"]["precision"] == "fp32");
  CHECK(config["score"]["precision"] == "fp32");
  CHECK(config["retrain"]["precision"] == "auto");
  const Outcome outcome = continued_bench().run(
      Bench::search("run", {"--resume", "supernet.precision=fp32", "score.precision=fp32"}));
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  for (const char* stage : {"latency", "search"}) CHECK(was_reused(outcome, stage));
}

TEST_CASE("another latency target reruns shrinking and search, but not table and supernet",
          "[app]") {
  const Outcome outcome = continued_bench().run(
      Bench::search("run", {"--resume", "--allow-changes", "latency.target_position=0.7"}));
  REQUIRE(outcome.exit_code == 0);
  CHECK(contains(outcome.err, "target_ms changed from"));
  CHECK(reruns(outcome) == std::set<std::string>{"shrink-1", "search"});
  for (const char* stage : {"latency", "supernet"}) CHECK(was_reused(outcome, stage));
}

TEST_CASE("changing a shrinking stage without tuning reruns the later stages", "[app]") {
  Bench& bench = continued_bench();
  const auto with_first_layers = [&](const std::string& layers) {
    const Outcome outcome = bench.run(
        Bench::search("run", {"--resume", "--allow-changes",
                              R"(shrink.stages=[{"layers": )" + layers +
                                  R"(, "tune_epochs": 0}, {"layers": 1, "tune_epochs": 0.5}])"}));
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return outcome;
  };
  with_first_layers("1");
  const Outcome changed = with_first_layers("2");
  CHECK(contains(changed.err,
                 "shrink-2: runs again because shrink.stages.0.layers changed from 1 to 2"));
  CHECK(was_reused(changed, "supernet"));
}

TEST_CASE("a changed space reruns everything and reuses no candidates", "[app]") {
  Bench& bench = continued_bench();
  const Outcome outcome =
      bench.run(Bench::search("run", {"--resume", "--allow-changes", "space.stages.0.layers=3"}));
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(reruns(outcome) == std::set<std::string>{"latency", "supernet", "shrink-1", "search"});
  const auto lines = lines_of(read_file(bench / "run/candidates.csv"));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    CHECK(split(split(lines[i], ',').at(1), '-').size() == 4);
  }
}

TEST_CASE("--overwrite starts over and keeps files that are not the run's", "[app]") {
  Bench& bench = continued_bench();
  write_file(bench / "run/notes.txt", "mine");
  const Outcome outcome =
      bench.run({"profile", "--config", "micro.json", "--work-dir", "run", "--overwrite"});
  REQUIRE(outcome.exit_code == 0);
  CHECK_FALSE(was_reused(outcome, "latency"));
  CHECK_FALSE(fs::exists(bench / "run/result.json"));
  CHECK(read_file(bench / "run/notes.txt") == "mine");
}

TEST_CASE("a run that SIGTERM stops while the supernet trains continues to the same result",
          "[app]") {
  check_interrupted(SIGTERM, "supernet: 120 steps", {"supernet.epochs=20"});
}

TEST_CASE("a run that SIGINT stops while it shrinks continues to the same result", "[app]") {
  check_interrupted(SIGINT, "baseline: scoring", {"search.baseline_samples=40"});
}

TEST_CASE("a run that SIGUSR1 stops while it tunes or searches continues to the same result",
          "[app]") {
  check_interrupted(SIGUSR1, "shrink-1: 120 steps", {"shrink.stages.0.tune_epochs=20"});
}

TEST_CASE(
    "a run that stops while it tunes on neighbourhoods of networks continues to the same result",
    "[app]") {
  check_interrupted(SIGUSR1, "shrink-1: 120 steps",
                    {"shrink.method=locality", "shrink.samples=6", "shrink.seeds=2",
                     R"(shrink.stages=[{"radius": 1, "tune_epochs": 20}])"});
}

TEST_CASE("a search by gradient that is killed continues to the same result", "[app]") {
  const Bench bench;
  json config = micro_config();
  config["supernet"]["method"] = "mixed_level";
  config["supernet"]["epochs"] = 5;
  config["shrink"] = {{"stages", json::array()}};
  config["search"] = {{"baseline_samples", 4}};
  config["checkpoint_minutes"] = 0;
  config["latency"]["table"] = finished_run().file("latency.json").string();
  write_json(bench / "micro.json", config);
  Process whole = bench.start(Bench::search("whole"));
  Process killed = bench.start(Bench::search("killed"));
  killed.wait_until([&] { return fs::exists(bench / "killed/checkpoints/supernet.safetensors"); });
  killed.send(SIGKILL);
  REQUIRE(killed.wait().exit_code == 128 + SIGKILL);
  const Outcome continued = bench.run(Bench::search("killed", {"--resume"}));
  INFO(continued.err);
  REQUIRE(continued.exit_code == 0);
  CHECK(contains(continued.err, "supernet: continues at step "));
  REQUIRE(whole.wait().exit_code == 0);
  CHECK(result_of(bench / "killed") == result_of(bench / "whole"));
  CHECK(contains(bench.run(Bench::search("plan", {"--dry-run"})).out, "search: mixed_level, 5 "));
}

TEST_CASE("a run that is killed continues from its last checkpoint to the same result", "[app]") {
  const Bench bench;
  const std::vector<std::string> settings{finished_run().table_override(), "--resume",
                                          "supernet.epochs=20", "checkpoint_minutes=0"};
  Process whole = bench.start(Bench::search("whole", settings));
  Process killed = bench.start(Bench::search("killed", settings));
  killed.wait_for("supernet: 120 steps");
  while (!fs::exists(bench / "killed/checkpoints/supernet.safetensors")) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  killed.send(SIGKILL);
  REQUIRE(killed.wait().exit_code == 128 + SIGKILL);
  const Outcome continued = bench.run(Bench::search("killed", settings));
  INFO(continued.err);
  REQUIRE(continued.exit_code == 0);
  CHECK(contains(continued.err, "supernet: continues at step "));
  REQUIRE(whole.wait().exit_code == 0);
  CHECK(result_of(bench / "killed") == result_of(bench / "whole"));
}
