// Runs the program's codesign command.
#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/program.hpp"
#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

/// A folder with a config, designs and known accuracies, which are made up from multiply-adds.
class CodesignBench : public Bench {
 public:
  explicit CodesignBench(const std::string& space_name = "nas-bench-macro", int networks = 60) {
    const SearchSpace space = shipped_space(space_name);
    Rng rng(1, "codesign-app");
    std::string csv = "arch,accuracy\n";
    std::set<std::string> seen;
    while (std::ssize(seen) < networks) {
      const Architecture arch = space.canonical(sample(Subspace::full(space), rng));
      if (!seen.insert(space.encode(arch)).second) continue;
      const auto macs = static_cast<double>(space.cost(arch).macs);
      csv += fmt::format("{},{}\n", space.encode(arch), macs / (macs + 1e8));
    }
    write_file(*this / "accuracies.csv", csv);
    write_json(*this / "designs.json", json::parse(R"({
      "dataflow": ["ws-kc", "ws-x", "rs-yr"], "pes": [32, 64, 128, 256],
      "buffer_bytes": 524288, "noc_words": [100, 300], "offchip_bytes": [16, 50],
      "clock_mhz": 500, "energy": "accelergy-eyeriss"})"));
    write_json(
        *this / "codesign.json",
        {{"space", to_json(space.description())},
         {"search", {{"population", 10}, {"generations", 3}, {"parents", 5}}},
         {"codesign",
          {{"designs", "designs.json"}, {"accuracies", "accuracies.csv"}, {"rank_networks", 50}}}});
  }

  Outcome codesign(const std::vector<std::string>& more) const {
    std::vector<std::string> words{"codesign", "--config", "codesign.json"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  json result(const std::string& run) const {
    json object = read_json(*this / run / "codesign.json");
    object.erase("seconds");
    object.erase("crc32");
    return object;
  }
};

}  // namespace

TEST_CASE("codesign finds a pair by every method and writes all scored pairs", "[app]") {
  const CodesignBench bench;
  double coupled = 0.0;
  for (const char* method : {"coupled", "decoupled", "semi_decoupled", "random", "two_level",
                             "multi_phase", "bayesian"}) {
    CAPTURE(method);
    const Outcome outcome = bench.codesign(
        {"-w", method, fmt::format("codesign.method={}", method), "codesign.limit_levels=4"});
    CAPTURE(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    const json result = bench.result(method);
    CHECK(contains(outcome.out, result["best"]["arch"].get<std::string>()));
    CHECK(result["designs"]["count"] == 44);
    CHECK(result["designs"]["left_out"] == 4);
    const CsvTable pairs = CsvTable::load(bench / method / "pairs.csv");
    // A controller also costs pairs for which it asks no accuracy; these are not scored.
    const auto costed = result["evaluations"]["pairs"].get<std::size_t>();
    const bool has_controller =
        std::string(method) == "two_level" || std::string(method) == "multi_phase";
    CHECK((has_controller ? pairs.rows() < costed : pairs.rows() == costed));
    const double accuracy = result["best"]["accuracy"];
    if (std::string(method) == "coupled") coupled = accuracy;
    CHECK(accuracy <= coupled);
    CHECK(result["optimum"]["accuracy"] == coupled);
    CHECK(result["optimum"]["gap_points"].get<double>() == Approx(100.0 * (coupled - accuracy)));
    CHECK(contains(outcome.out, "best of all pairs"));
    CHECK(result["front"].size() >= 1);
  }
  CHECK(bench.result("coupled")["evaluations"]["pairs"] == 60 * 44);
  CHECK(bench.result("decoupled")["evaluations"]["pairs"] == 60 + 44);
  CHECK(bench.result("semi_decoupled")["evaluations"]["pairs"] ==
        60 + 44 * bench.result("semi_decoupled")["proxy_set"].size());
  CHECK(contains(read_file(bench / "semi_decoupled" / "ranks.svg"), "<svg"));
  CHECK(CsvTable::load(bench / "semi_decoupled" / "ranks.csv").rows() == 44);
}

TEST_CASE("the best of all pairs is left out if there are more than exhaustive_pairs", "[app]") {
  const CodesignBench bench;
  REQUIRE(bench.codesign({"-w", "run", "codesign.method=random", "codesign.exhaustive_pairs=2639"})
              .exit_code == 0);
  CHECK_FALSE(bench.result("run").contains("optimum"));
  REQUIRE(bench.codesign({"-w", "all", "codesign.method=random", "codesign.exhaustive_pairs=2640"})
              .exit_code == 0);
  CHECK(bench.result("all").contains("optimum"));
}

TEST_CASE("codesign is reproducible, reuses finished results and names changed settings", "[app]") {
  const CodesignBench bench;
  REQUIRE(bench.codesign({"-w", "a"}).exit_code == 0);
  REQUIRE(bench.codesign({"-w", "b"}).exit_code == 0);
  CHECK(bench.result("a") == bench.result("b"));
  CHECK(read_file(bench / "a" / "pairs.csv") == read_file(bench / "b" / "pairs.csv"));
  const Outcome again = bench.codesign({"-w", "a", "--resume"});
  CHECK(contains(again.err, "finished before with the same settings"));
  const Outcome changed = bench.codesign({"-w", "a", "--resume", "codesign.limit_levels=3"});
  CHECK(contains(changed.err, "codesign.limit_levels changed from 0 to 3"));
  CHECK(bench.codesign({"-w", "a"}).exit_code == 2);
}

TEST_CASE("codesign warns when designs rank networks differently from the proxy", "[app]") {
  const CodesignBench bench("hsconas-a", 200);
  const Outcome outcome = bench.codesign({"-w", "run", "codesign.proxy=ws-x_128_100_16"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(contains(outcome.err, "designs rank networks unlike the proxy ws-x_128_100_16"));
  CHECK(bench.result("run")["ranks"]["latency_lowest"] < 0.9);
  const Outcome lenient = bench.codesign(
      {"-w", "lenient", "codesign.proxy=ws-x_128_100_16", "codesign.rank_warning=-1"});
  CHECK(!contains(lenient.err, "unlike the proxy"));
}

TEST_CASE("unreachable limits and invalid settings of codesign are one-line errors", "[app]") {
  const CodesignBench bench;
  const auto refused = [&](const std::vector<std::string>& more, int exit_code,
                           const std::string& part) {
    std::vector<std::string> words{"-w", "x", "--overwrite", "-q"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = bench.codesign(words);
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == exit_code);
    CHECK(outcome.out.empty());
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(contains(outcome.err, part));
  };
  refused({"codesign.max_latency_ms=1e-6"}, 4, "the nearest is network");
  for (const char* method : {"two_level", "multi_phase", "bayesian"}) {
    refused({"codesign.max_latency_ms=1e-6", fmt::format("codesign.method={}", method)}, 4,
            "the nearest is network");
  }
  refused({"codesign.method=two_level", "codesign.phase_tries=3"}, 2,
          "codesign.phase_tries has no effect with codesign.method two_level");
  refused({"codesign.max_area_mm2=1e-6", "codesign.method=coupled"}, 4, "the smallest, ");
  refused({"codesign.max_power_mw=1e-6", "codesign.method=coupled"}, 4, "mW");
  refused({"codesign.method=joint"}, 2, "codesign.method must be one of");
  refused({"codesign.method=dance"}, 2, "leave codesign.accuracies empty");
  refused({"codesign.method=dance", "codesign.accuracies=", "codesign.max_area_mm2=3"}, 2,
          "does not support limits");
  refused({"codesign.proxy=ws-x_128_100_17"}, 2, "did you mean 'ws-x_128_100_16'?");
  refused({"codesign.designs="}, 2, "codesign.designs is required");
  refused({"codesign.designs=nope.json"}, 3, "nope.json");
  refused({"codesign.accuracies=nope.csv"}, 3, "nope.csv");
  refused({"codesign.accuracy_column=acc"}, 3, "has no column 'acc'");
  json none = read_json(bench / "designs.json");
  none["dataflow"] = "ws-kc";
  none["pes"] = {16, 32};
  write_json(bench / "none.json", none);
  refused({"codesign.designs=none.json"}, 2, "no design is left");
  json macs = read_json(bench / "designs.json");
  macs["energy"] = "eyeriss";
  write_json(bench / "macs.json", macs);
  refused({"codesign.designs=macs.json", "codesign.max_power_mw=10"}, 2, "not in mac");
  refused({"codesign.designs=macs.json", "codesign.max_power_mw=10", "--dry-run"}, 2, "not in mac");
}

TEST_CASE("codesign accepts a single network with a known accuracy", "[app]") {
  const CodesignBench bench("nas-bench-macro", 1);
  const Outcome outcome = bench.codesign({"-w", "run"});
  CAPTURE(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(!contains(outcome.err, "unlike the proxy"));
  CHECK(bench.result("run")["evaluations"]["pairs"] == 1 + 44);
}

TEST_CASE("codesign --dry-run prints the networks, designs and pairs to search", "[app]") {
  const CodesignBench bench;
  const Outcome outcome = bench.codesign({"--dry-run"});
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "networks: 60 with known accuracies"));
  CHECK(contains(outcome.out, "designs: 44 of designs, 4 combinations left out"));
  CHECK(contains(outcome.out, "pairs: at most 60 + |P| x 44"));
}

TEST_CASE("without known accuracies codesign scores networks with a supernet, and resumes",
          "[app]") {
  const CodesignBench bench;
  json config = micro_config();
  config["search"] = {{"population", 4}, {"generations", 1}, {"parents", 2}};
  config["codesign"] = {{"designs", "designs.json"}, {"limit_levels", 2}, {"rank_networks", 20}};
  write_json(bench / "codesign.json", config);
  const Outcome outcome = bench.codesign({"-w", "run"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const json result = bench.result("run");
  const auto judged = CsvTable::load(bench / "run" / "codesign-candidates.csv").rows();
  CHECK(judged == result["evaluations"]["networks"].get<std::size_t>());
  // After a kill only the scored candidates are left of the search.
  std::filesystem::remove(bench / "run" / "codesign.json");
  json stages = read_json(bench / "run" / "stages.json");
  stages.erase("codesign");
  write_sealed_json(bench / "run" / "stages.json", stages);
  const Outcome resumed = bench.codesign({"-w", "run", "--resume"});
  CHECK(resumed.exit_code == 0);
  CHECK(bench.result("run") == result);
}

TEST_CASE("a co-design on a supernet that is killed and then stopped ends like one that was not",
          "[app]") {
  const CodesignBench bench;
  json config = micro_config();
  config["search"] = {{"population", 10}, {"generations", 7}};
  config["codesign"] = {{"designs", "designs.json"}, {"max_latency_ms", 0.05}};
  write_json(bench / "codesign.json", config);
  REQUIRE(bench.run({"train", "--config", "codesign.json", "-w", "trained"}).exit_code == 0);
  for (const char* method : {"two_level", "multi_phase", "bayesian"}) {
    CAPTURE(method);
    // Starts or continues the co-design in `run`, after the training that all share.
    const auto words = [&](const std::string& run) {
      return std::vector<std::string>{
          "codesign", "--config", "codesign.json",   "-w",
          run,        "--resume", "--allow-changes", fmt::format("codesign.method={}", method)};
    };
    const auto candidates = [&](const std::string& run) {
      const auto file = bench / run / "codesign-candidates.csv";
      return std::filesystem::exists(file) ? lines_of(read_file(file)).size() : 0;
    };
    const std::string whole = fmt::format("{}-whole", method);
    const std::string broken = fmt::format("{}-broken", method);
    for (const std::string& run : {whole, broken}) {
      std::filesystem::copy(bench / "trained", bench / run,
                            std::filesystem::copy_options::recursive);
    }
    REQUIRE(bench.run(words(whole)).exit_code == 0);
    std::size_t before = 1;  // The head of the file.
    for (const int signal : {SIGKILL, SIGTERM}) {
      Process process = bench.start(words(broken));
      process.wait_until([&] { return candidates(broken) > before; });
      process.send(signal);
      CHECK(process.wait().exit_code == (signal == SIGKILL ? 128 + SIGKILL : 75));
      CHECK_FALSE(std::filesystem::exists(bench / broken / "codesign.json"));
      before = candidates(broken);
    }
    const Outcome resumed = bench.run(words(broken));
    INFO(resumed.err);
    REQUIRE(resumed.exit_code == 0);
    CHECK(contains(resumed.err, "supernet: finished before with the same settings, reused"));
    CHECK(bench.result(broken) == bench.result(whole));
    for (const char* file : {"pairs.csv", "codesign-candidates.csv"}) {
      CHECK(read_file(bench / broken / file) == read_file(bench / whole / file));
    }
  }
}

TEST_CASE("the plans of co-design searches say how many pairs they try", "[app]") {
  const CodesignBench bench;
  const auto plan = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"--dry-run"};
    words.insert(words.end(), more.begin(), more.end());
    return bench.codesign(words).out;
  };
  const std::string two_level = plan({"codesign.method=two_level", "codesign.fast_tries=7"});
  CHECK(contains(two_level, "pairs: at most 40 + 44 with an accuracy, the winner on all designs"));
  CHECK(contains(two_level, "fast level: up to 7 more draws for each pair"));
  CHECK(
      contains(plan({"codesign.method=multi_phase"}), "phases: up to 10 more draws of each part"));
  const std::string bayesian =
      plan({"codesign.method=bayesian", "codesign.cost_knowledge=learned"});
  CHECK(contains(bayesian, "pairs: at most 40\ncosts: learned"));
}

TEST_CASE("codesign with DANCE gives the best design for the learned network, and resumes",
          "[app]") {
  const CodesignBench bench;
  json config = micro_config();
  config["checkpoint_steps"] = 1;
  config["supernet"]["epochs"] = 20;
  config["codesign"] = {{"method", "dance"},
                        {"designs", "designs.json"},
                        {"dance",
                         {{"cost_width", 16},
                          {"generator_width", 16},
                          {"cost_steps", 40},
                          {"generator_steps", 20},
                          {"generator_networks", 30},
                          {"test_networks", 10},
                          {"batch", 16},
                          {"warmup_epochs", 1}}}};
  write_json(bench / "codesign.json", config);
  CHECK(contains(bench.codesign({"--dry-run"}).out, "penalty: cost (cost: edap), weight 1"));
  // Durations are left out of the comparison.
  const auto result = [&](const std::string& run) {
    json object = bench.result(run);
    if (object["dance"].contains("evaluator")) object["dance"]["evaluator"].erase("seconds");
    return object;
  };
  const Outcome outcome = bench.codesign({"-w", "run"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "on the test set"));
  const json found = result("run");
  const CsvTable pairs = CsvTable::load(bench / "run" / "pairs.csv");
  CHECK(pairs.rows() == 44);
  const json& dance = found["dance"];
  CHECK(dance["evaluator"]["regret"] >= 1.0);
  CHECK(dance["probabilities"].size() == 3);
  const std::string metrics = read_file(bench / "run" / "metrics.jsonl");
  CHECK(contains(metrics, "\"stage\":\"dance\""));
  CHECK(contains(metrics, "\"stage\":\"dance choices\""));

  // A run that is stopped in the middle and continued gives the same result.
  Process stopped = bench.start({"codesign", "--config", "codesign.json", "-w", "again"});
  stopped.wait_until([&] {
    return std::filesystem::exists(bench / "again" / "checkpoints" / "dance.safetensors");
  });
  stopped.send(SIGTERM);
  CHECK(stopped.wait().exit_code == 75);
  CHECK(bench.codesign({"-w", "again", "--resume"}).exit_code == 0);
  CHECK(result("again") == found);

  const Outcome none = bench.codesign({"-w", "none", "codesign.dance.penalty=none"});
  CHECK(none.exit_code == 0);
  CHECK(!result("none")["dance"].contains("evaluator"));
}

TEST_CASE("an unfinished co-design run is continued by codesign, and every command says so",
          "[app]") {
  const CodesignBench bench;
  json config = micro_config();
  config["checkpoint_steps"] = 1;
  config["supernet"]["epochs"] = 200;
  config["codesign"] = {{"designs", "designs.json"}};
  write_json(bench / "codesign.json", config);
  Process stopped = bench.start({"codesign", "--config", "codesign.json", "-w", "run"});
  stopped.wait_until(
      [&] { return std::filesystem::exists(bench / "run/checkpoints/supernet.safetensors"); });
  stopped.send(SIGTERM);
  REQUIRE(stopped.wait().exit_code == 75);

  const std::string command =
      "continue it with hsconas codesign --config run/config.json --work-dir run --resume";
  for (const char* name : {"evaluate", "export", "retrain", "report"}) {
    const Outcome outcome = bench.run({name, "run"});
    INFO(outcome.err);
    CHECK(contains(outcome.err, "run: the co-design has not finished; " + command));
    CHECK(outcome.exit_code == (std::string(name) == "report" ? 0 : 3));
  }
  for (const char* name : {"search", "shrink"}) {
    for (const std::vector<std::string>& more : {std::vector<std::string>{"--resume"}, {}}) {
      std::vector<std::string> words{name, "--config", "run/config.json", "-w", "run"};
      words.insert(words.end(), more.begin(), more.end());
      const Outcome outcome = bench.run(words);
      INFO(outcome.err);
      CHECK(outcome.exit_code == 2);
      CHECK(lines_of(outcome.err).size() == 1);
      CHECK(contains(outcome.err, "a co-design run; "));
      CHECK(contains(outcome.err,
                     "hsconas codesign --config run/config.json --work-dir run --resume"));
    }
  }
  // Runs of earlier versions are told by their files.
  json stages = read_json(bench / "run/stages.json");
  stages.erase("command");
  write_sealed_json(bench / "run/stages.json", stages);
  write_file(bench / "run/codesign-candidates.csv", "");
  CHECK(contains(bench.run({"evaluate", "run"}).err, command));
}

TEST_CASE("a finished co-design run is no search, and the way on from it is named", "[app]") {
  const CodesignBench bench;
  REQUIRE(bench.codesign({"-w", "run"}).exit_code == 0);
  const std::string arch = bench.result("run")["best"]["arch"];
  for (const char* name : {"evaluate", "export", "retrain"}) {
    const Outcome outcome = bench.run({name, "run"});
    INFO(outcome.err);
    CHECK(!contains(outcome.err, "has not finished"));
    CHECK(contains(outcome.err, "hsconas retrain --config run/config.json --arch " + arch));
  }
}

TEST_CASE("a finished co-design run has a report, which can be written again", "[app]") {
  const CodesignBench bench;
  REQUIRE(bench.codesign({"-w", "run"}).exit_code == 0);
  const std::string page = read_file(bench / "run/report.html");
  const json found = bench.result("run");
  for (const std::string key : {"arch", "design"}) CHECK(contains(page, found["best"][key]));
  for (const char* part : {"best of all pairs", "Pareto front", "How designs rank networks",
                           "Spearman of 50 networks between designs", "Settings and versions"}) {
    CHECK(contains(page, part));
  }
  std::filesystem::remove(bench / "run/report.html");
  const Outcome outcome = bench.run({"report", "run"});
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "semi_decoupled over "));
  CHECK(!contains(outcome.err, "incomplete"));
  CHECK(read_file(bench / "run/report.html") == page);
  const json object = json::parse(bench.run({"--json", "report", "run"}).out);
  CHECK(object["finished"] == true);
  CHECK(object["result"]["best"] == found["best"]);
  // Known accuracies and designs may be gone.
  std::filesystem::remove(bench / "accuracies.csv");
  std::filesystem::remove(bench / "designs.json");
  CHECK(bench.run({"report", "run"}).exit_code == 0);
  CHECK(read_file(bench / "run/report.html") == page);
}

TEST_CASE("a co-design run whose settings have changed since is no finished one", "[app]") {
  const CodesignBench bench;
  REQUIRE(bench.codesign({"-w", "run"}).exit_code == 0);
  json config = read_json(bench / "run/config.json");
  config["codesign"]["limit_levels"] = 3;
  write_json(bench / "run/config.json", config);
  const Outcome outcome = bench.run({"report", "run"});
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.err,
                 "since the co-design finished, codesign.limit_levels changed from 0 to 3; repeat "
                 "it with hsconas codesign --config run/config.json --work-dir run --resume; the "
                 "report is incomplete"));
  const Outcome compared = bench.run({"report", "run", "run"});
  CHECK(compared.exit_code == 3);
  CHECK(contains(compared.err, "run: has no result of a co-design: since the co-design finished"));
}

TEST_CASE("co-design runs are compared with each other, but not with searches", "[app]") {
  const CodesignBench bench;
  REQUIRE(bench.codesign({"-w", "a", "codesign.method=coupled"}).exit_code == 0);
  REQUIRE(bench.codesign({"-w", "b", "codesign.method=random"}).exit_code == 0);
  const Outcome outcome = bench.run({"report", "a", "b", "-o", "both.html"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  for (const char* part : {"coupled", "random", "gap", "codesign.method"}) {
    CHECK(contains(outcome.out, part));
    CHECK(contains(read_file(bench / "both.html"), part));
  }
  const json object = json::parse(bench.run({"--json", "report", "a", "b"}).out);
  CHECK(object["runs"][0]["gap_points"] == 0.0);
  CHECK(object["runs"][1]["best"] == bench.result("b")["best"]);
  CHECK(object["differences"]["codesign.method"] == json{"coupled", "random"});
  const Outcome mixed = bench.run({"report", "a", finished_run().file("").string()});
  CHECK(mixed.exit_code == 2);
  CHECK(contains(mixed.err, "compare runs of one kind"));
}

TEST_CASE("a co-design run with the earlier default of fast_tries continues with it", "[app]") {
  const CodesignBench bench;
  // As the program that had this default recorded it: in config.json, but not in stages.json.
  REQUIRE(bench.codesign({"-w", "run", "codesign.method=two_level", "codesign.fast_tries=10"})
              .exit_code == 0);
  CHECK_FALSE(read_json(bench / "run/stages.json")["codesign"]["codesign"].contains("fast_tries"));
  const auto resume = [&](const std::string& run) {
    return bench.run({"codesign", "--config", run + "/config.json", "--work-dir", run, "--resume"});
  };
  const Outcome own = resume("run");
  CHECK(own.exit_code == 0);
  CHECK(contains(own.err, "finished before with the same settings"));
  const Outcome now = bench.codesign({"-w", "run", "--resume", "codesign.method=two_level"});
  CHECK(contains(now.err, "codesign.fast_tries"));
  // Runs by other methods hold it in config.json, too, where it has no effect.
  REQUIRE(bench.codesign({"-w", "other"}).exit_code == 0);
  json config = read_json(bench / "other/config.json");
  config["codesign"]["fast_tries"] = 10;
  write_json(bench / "other/config.json", config);
  const Outcome other = resume("other");
  CHECK(other.exit_code == 0);
  CHECK(contains(other.err, "finished before with the same settings"));
}

TEST_CASE("codesign and retrain do not continue the run of a search", "[app]") {
  const CodesignBench bench;
  json config = micro_config();
  config["codesign"] = {{"designs", "designs.json"}};
  write_json(bench / "micro.json", config);
  REQUIRE(bench.run({"shrink", "--config", "micro.json", "-w", "part"}).exit_code == 0);
  const std::string before = read_file(bench / "part/config.json");
  const std::string command = "hsconas search --config part/config.json --work-dir part --resume";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"codesign", "--config", "micro.json", "-w", "part", "--resume"},
        {"codesign", "--config", "micro.json", "-w", "part"},
        {"retrain", "--config", "micro.json", "--arch", "0:0-0:0-0:0", "--out", "part",
         "--resume"}}) {
    const Outcome outcome = bench.run(words);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(contains(outcome.err, "holds a search; "));
    CHECK(contains(outcome.err, command));
  }
  CHECK(read_file(bench / "part/config.json") == before);
  // A trained supernet can be used by both.
  REQUIRE(bench.run({"train", "--config", "micro.json", "-w", "both"}).exit_code == 0);
  const Outcome outcome =
      bench.run({"codesign", "--config", "micro.json", "-w", "both", "--resume"});
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.err, "supernet: finished before with the same settings, reused"));
}

TEST_CASE("no other command continues a retraining in its folder", "[app]") {
  const Bench bench;
  REQUIRE(bench
              .run({"retrain", "--config", "micro.json", "--arch", "0:0-0:0-0:0", "--out", "alone",
                    "retrain.epochs=1", "retrain.warmup_epochs=0.1"})
              .exit_code == 0);
  for (const char* name : {"search", "train", "profile"}) {
    const Outcome outcome = bench.run({name, "--config", "micro.json", "-w", "alone", "--resume"});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(contains(outcome.err, "holds a retraining; continue it with hsconas retrain alone"));
  }
  CHECK(contains(bench.run({"report", "alone"}).err, "this is a retraining, not a search"));
}
