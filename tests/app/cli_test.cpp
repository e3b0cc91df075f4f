// The command line: plans, predictions, configs and help.
#include <functional>
#include <map>
#include <set>
#include <string>
#include <sys/mount.h>
#include <vector>

#include "app/program.hpp"
#include "catch.hpp"
#include "support/skip.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

Outcome predict(const Bench& bench, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"predict", "--config", "micro.json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return bench.run(arguments);
}

const std::vector<std::string> kConfigOptions{"--config", "--set",     "overrides",
                                              "--seed",   "--threads", "--device"};
const std::vector<std::string> kRunOptions{"--work-dir", "--resume", "--allow-changes",
                                           "--overwrite", "--dry-run"};

const std::vector<std::string> kFitOptions{"--space",       "--networks", "--column", "--fit",
                                           "--choose",      "--seed",     "--out",    "--scatter",
                                           "--device-name", "--batch"};

std::vector<std::string> both(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

TEST_CASE("--dry-run prints the sizes of the paper's space and writes nothing", "[app]") {
  const Bench bench;
  const Outcome outcome =
      bench.run({"search", "--config", shipped("gpu.json"), "--dry-run", "--device", "cpu",
                 "data.format=builtin", "space.classes=10", "data.holdout_images=1000",
                 "data.augment=small", "--work-dir", "run"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "20 layers, 5 operators x 10 widths, 9.54e33 architectures"));
  CHECK(contains(outcome.out, "-> 2.44e28 architectures"));
  CHECK(contains(outcome.out, "9000 training images, 1000 held out"));
  CHECK(contains(outcome.out, "supernet: 800 steps of 1024 images in fp32, scored in fp32"));
  CHECK(contains(outcome.out, "latency: batch 32 with 1 threads on cpu, T = 9 ms"));
  CHECK(contains(outcome.out, "search: evolution, 1050 evaluations"));
  CHECK(contains(outcome.out, "memory: about "));
  CHECK(contains(outcome.out, "result.json"));
  CHECK_FALSE(fs::exists(bench / "run"));
  CHECK_FALSE(fs::exists(bench / "runs"));
}

TEST_CASE("--dry-run says how large the groups of a batch are, and warns of small ones", "[app]") {
  const Bench bench;
  const auto run = [&](const std::string& groups) {
    return bench.run({"search", "micro.json", "--dry-run", "supernet.batch=128", groups});
  };
  const Outcome two = run("supernet.groups=2");
  INFO(two.err);
  CHECK(contains(two.out, " steps of 128 images (2 groups of 64) in fp32"));
  CHECK_FALSE(contains(two.err, "supernet.groups"));
  const Outcome four = run("supernet.groups=4");
  CHECK(contains(four.out, " steps of 128 images (4 groups of 32) in fp32"));
  CHECK(contains(four.err, "supernet.groups: batch norm statistics of only 32 images can cost"));
  const Outcome five = run("supernet.groups=5");
  CHECK(five.exit_code == 2);
  CHECK(contains(five.err, "supernet.groups must divide supernet.batch (128), got 5"));
}

TEST_CASE("small things: --dry-run needs no data set and describes a search on 100,000 images",
          "[app]") {
  const Bench bench;
  for (const char* command : {"search", "profile", "train"}) {
    const Outcome outcome =
        bench.run({command, "--config", shipped("gpu.json"), "--dry-run", "data.path=/nope"});
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
    CHECK(contains(outcome.err, "data.path: /nope does not exist"));
    CHECK(contains(outcome.out, "data: /nope does not exist; steps and time are those for 100000"));
    CHECK(contains(outcome.out, "supernet: 9700 steps of 1024 images"));
    CHECK(contains(outcome.out, "\ntime: "));
    CHECK(contains(outcome.out, "9.54e33 architectures"));
    CHECK(contains(outcome.out, "search: evolution, 1050 evaluations"));
  }
}

TEST_CASE(
    "small things: a config can be named without --config, and a shipped one by its name alone",
    "[app]") {
  const Bench bench;
  const std::string expected = bench.run({"config", "print", "--config", "micro.json"}).out;
  CHECK(bench.run({"config", "print", "micro.json"}).out == expected);
  CHECK(bench.run({"config", "print", "seed=1", "micro.json"}).out == expected);
  CHECK(bench.run({"search", "micro.json", "--dry-run"}).exit_code == 0);
  CHECK(bench.run({"search", "quickstart", "--dry-run"}).exit_code == 0);
  CHECK(json::parse(bench.run({"config", "print", "gpu"}).out)["space"]["name"] == "hsconas-a");
}

TEST_CASE("small things: --key=value is accepted for the setting key=value", "[app]") {
  const Outcome outcome =
      Bench().run({"config", "print", "micro.json", "--search.population=30", "--seed=4"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(json::parse(outcome.out)["search"]["population"] == 30);
  CHECK(json::parse(outcome.out)["seed"] == 4);
}

TEST_CASE("small things: `help COMMAND` prints the same as `COMMAND --help`", "[app]") {
  const Bench bench;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"search"}, {"config", "new"}}) {
    std::vector<std::string> help{"help"};
    std::vector<std::string> option = words;
    help.insert(help.end(), words.begin(), words.end());
    option.emplace_back("--help");
    const Outcome outcome = bench.run(help);
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.out == bench.run(option).out);
  }
}

TEST_CASE("predict-run: predict takes the space and the table from a run", "[app]") {
  const auto& run = finished_run();
  const std::string winner = read_json(run.file("result.json"))["winner"]["arch"];
  const std::string expected = run.bench
                                   .run({"predict", "--config", "micro.json", "--arch", winner,
                                         "--table", "run/latency.json"})
                                   .out;
  CHECK(run.bench.run({"predict", "--arch", winner, "--table", "run/latency.json"}).out ==
        expected);
  CHECK(run.bench.run({"predict", "run", "--arch", winner}).out == expected);
  const Bench other;
  fs::copy(run.file(""), other / "run", fs::copy_options::recursive);
  CHECK(
      Bench::run_in(other / "run", {"predict", "--arch", winner, "--table", "latency.json"}).out ==
      expected);
  const Outcome no_run = run.bench.run({"predict", ".", "--arch", winner});
  CHECK(no_run.exit_code == 3);
  CHECK(contains(no_run.err, "holds no run"));
}

TEST_CASE("predict uses the modelled accelerator that the config targets", "[app]") {
  const std::string chip =
      (fs::path(HSCONAS_SOURCE_DIR) / "configs/accelerators/kc-p.json").string();
  const auto rows = [&](const std::vector<std::string>& more) {
    const Outcome outcome = predict(
        Bench(), both({"--arch", "0:1-0:1-0:1", "--json", "latency.accelerator=" + chip}, more));
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return json::parse(outcome.out)["architectures"][0];
  };
  const json one = rows({});
  CHECK(one["predicted_ms"] > 0.0);
  CHECK(rows({"latency.batch=4"})["predicted_ms"] > one["predicted_ms"]);
}

TEST_CASE("small things: evaluate on a read-only run first warns, then prints its result",
          "[app]") {
  const Bench bench;
  fs::copy(finished_run().file(""), bench / "run", fs::copy_options::recursive);
  const fs::path run = bench / "run";
  const bool is_read_only =
      ::mount(run.c_str(), run.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
      ::mount(nullptr, run.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
  if (!is_read_only) {
    ::umount2(run.c_str(), MNT_DETACH);
    return skip_test("only root may make a mount read-only");
  }
  const Outcome outcome = bench.run({"evaluate", "run", "--json"});
  const Outcome elsewhere = bench.run({"evaluate", "run", "--out", "out"});
  const Outcome report = bench.run({"report", "run"});
  ::umount2(run.c_str(), MNT_DETACH);
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.err, "run: cannot write here, so confusion.csv and evaluation.json are"));
  CHECK(json::parse(outcome.out)["top1"] > 0.0);
  CHECK_FALSE(json::parse(outcome.out).contains("confusion"));
  CHECK(elsewhere.exit_code == 0);
  CHECK(fs::exists(bench / "out/confusion.csv"));
  CHECK(report.exit_code == 3);
  CHECK(contains(report.err, "--out FILE"));
}

TEST_CASE("--dry-run with --json prints one object", "[app]") {
  const Bench bench;
  const Outcome outcome =
      bench.run({"search", "--config", "micro.json", "--dry-run", "--json", "--quiet"});
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  CHECK(contains(json::parse(outcome.out)["plan"].get<std::string>(), "216 architectures"));
}

TEST_CASE("predict prints the table's prediction for each architecture, in order", "[app]") {
  const Bench bench;
  const std::string table = finished_run().file("latency.json").string();
  const json result = read_json(finished_run().file("result.json"));
  const auto winner = result["winner"]["arch"].get<std::string>();
  const std::vector<std::string> archs{"--arch", winner, "-a", "2:1-2:1-2:1", "--table", table};
  const Outcome text = predict(bench, archs);
  REQUIRE(text.exit_code == 0);
  CHECK(text.err.empty());
  CHECK(lines_of(text.out).size() == 4);
  CHECK(contains(lines_of(text.out).at(2), winner));

  const Outcome outcome = predict(bench, both(archs, {"--json"}));
  const json rows = json::parse(outcome.out)["architectures"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["arch"] == winner);
  CHECK(rows[0]["predicted_ms"] == result["winner"]["predicted_ms"]);
  CHECK(rows[0]["macs"] == result["winner"]["macs"]);
  CHECK(rows[0]["parameters"] == result["winner"]["parameters"]);
  CHECK(rows[0]["batch"] == 1);
  CHECK_FALSE(rows[0].contains("measured_ms"));
  CHECK(rows[1]["arch"] == "2:1-2:1-2:1");
}

TEST_CASE("predict without --table uses the config's table", "[app]") {
  const Outcome outcome =
      predict(Bench(), {"--arch", "2:1-2:1-2:1", finished_run().table_override()});
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "2:1-2:1-2:1"));
}

TEST_CASE("predict --measure times networks with and without a table", "[app]") {
  const Bench bench;
  const std::string table = finished_run().file("latency.json").string();
  const Outcome alone = predict(bench, {"--arch", "1:1-0:1-0:0", "--measure", "--json"});
  REQUIRE(alone.exit_code == 0);
  CHECK(json::parse(alone.out)["architectures"][0]["measured_ms"] > 0.0);
  CHECK_FALSE(json::parse(alone.out)["architectures"][0].contains("predicted_ms"));
  const Outcome beside =
      predict(bench, {"--arch", "1:1-0:1-0:0", "--measure", "--json", "--table", table});
  CHECK(json::parse(beside.out)["architectures"][0]["measured_ms"] > 0.0);
  CHECK(json::parse(beside.out)["architectures"][0]["predicted_ms"] > 0.0);
}

TEST_CASE("predict refuses an architecture that is not in the space", "[app]") {
  const Bench bench;
  const std::string table = finished_run().file("latency.json").string();
  std::vector<std::vector<std::string>> commands;
  for (const char* arch : {"0:0-0:0", "3:0-0:0-0:0", "0:0-0:0-0:x", "0:0-0:0-0:-1", "000"}) {
    commands.push_back(
        {"predict", "--config", "micro.json", "--table", table, std::string("--arch=") + arch});
  }
  for (const Outcome& outcome : bench.run_all(commands)) {
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.err.starts_with("hsconas: architecture '"));
    CHECK(lines_of(outcome.err).size() == 1);
  }
  const Outcome outcome = predict(bench, {"--arch", "2:1-2:1-2:1"});
  CHECK(outcome.exit_code == 2);
  CHECK(contains(outcome.err, "--measure"));
}

TEST_CASE("printing the output of config print gives the same output", "[app]") {
  const Bench bench;
  for (const std::string& file : {std::string("micro.json"), shipped("gpu.json")}) {
    const Outcome first =
        bench.run({"config", "print", "--config", file, "seed=5", "--set", "search.seed=3"});
    REQUIRE(first.exit_code == 0);
    CHECK(first.err.empty());
    CHECK(json::parse(first.out)["seed"] == 5);
    CHECK(json::parse(first.out)["search"]["seed"] == 3);
    write_file(bench / "printed.json", first.out);
    CHECK(bench.run({"config", "print", "--config", "printed.json"}).out == first.out);
  }
}

TEST_CASE("--seed, --threads and --device set the config's keys", "[app]") {
  const Outcome outcome = Bench().run({"config", "print", "-c", "micro.json", "--seed", "9",
                                       "--threads", "3", "--device", "cuda:1"});
  const json config = json::parse(outcome.out);
  CHECK(config["seed"] == 9);
  CHECK(config["device"] == json{{"type", "cuda:1"}, {"threads", 3}});
}

TEST_CASE("a run's config.json is a complete config", "[app]") {
  const Bench bench;
  const std::string file = finished_run().file("config.json").string();
  CHECK(bench.run({"config", "print", "--config", file}).out == read_file(file));
}

TEST_CASE("config check prints the size of the space", "[app]") {
  const Bench bench;
  const Outcome outcome = bench.run({"config", "check", "--config", shipped("gpu.json")});
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "gpu.json: valid\nspace hsconas-a: 20 layers"));
  const Outcome object = bench.run({"config", "check", "--config", "micro.json", "--json"});
  CHECK(json::parse(object.out)["valid"] == true);
}

TEST_CASE("config new writes a complete config and overwrites one only with --force", "[app]") {
  const Bench bench;
  const std::vector<std::string> arguments{"config", "new", "mine.json", "--config",
                                           shipped("quickstart.json")};
  const Outcome made = bench.run(arguments);
  REQUIRE(made.exit_code == 0);
  CHECK(made.out == "mine.json\n");
  CHECK(bench.run({"config", "check", "--config", "mine.json"}).exit_code == 0);
  const std::string contents = read_file(bench / "mine.json");

  const Outcome refused = bench.run(both(arguments, {"seed=8"}));
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "mine.json"));
  CHECK(contains(refused.err, "--force"));
  CHECK(read_file(bench / "mine.json") == contents);

  CHECK(bench.run(both(arguments, {"seed=8", "--force"})).exit_code == 0);
  CHECK(read_json(bench / "mine.json")["seed"] == 8);
  CHECK(bench.run({"config", "new", std::string(300, 'x'), "-c", "mine.json"}).exit_code == 3);
}

TEST_CASE("small things: config new needs no source tree", "[app]") {
  const Bench bench;
  REQUIRE(bench.run({"config", "new", "mine.json"}).exit_code == 0);
  CHECK(read_json(bench / "mine.json")["data"]["format"] == "builtin");
  CHECK(bench.run({"search", "mine.json", "--dry-run"}).exit_code == 0);
  REQUIRE(
      bench.run({"config", "new", "fast.json", "cpu", "search.population=9", "search.parents=3"})
          .exit_code == 0);
  CHECK(read_json(bench / "fast.json")["search"]["population"] == 9);
}

TEST_CASE("small things: config keys SECTION lists the keys of that section", "[app]") {
  const Bench bench;
  const json keys = json::parse(bench.run({"config", "keys", "supernet", "--json"}).out)["keys"];
  CHECK(keys.size() > 5);
  for (const json& key : keys) CHECK(key["key"].get<std::string>().starts_with("supernet."));
  CHECK(json::parse(bench.run({"config", "keys", "supernet.lr", "--json"}).out)["keys"].size() ==
        1);
  CHECK(contains(bench.run({"config", "keys", "shrink.stages"}).out, "shrink.stages[].layers"));
}

TEST_CASE("config keys explains every key of a config", "[app]") {
  const Bench bench;
  const Outcome outcome = bench.run({"config", "keys", "--json"});
  REQUIRE(outcome.exit_code == 0);
  std::set<std::string> keys;
  const json answer = json::parse(outcome.out);
  for (const json& key : answer["keys"]) {
    keys.insert(key["key"].get<std::string>());
    CHECK_FALSE(key["meaning"].get<std::string>().empty());
  }
  json config = json::parse(bench.run({"config", "print", "-c", "micro.json"}).out);
  config.erase("space");
  const std::function<void(const std::string&, const json&)> check_all =
      [&](const std::string& prefix, const json& section) {
        for (const auto& [key, value] : section.items()) {
          const std::string name = prefix + key;
          CAPTURE(name);
          if (value.is_object()) {
            check_all(name + ".", value);
          } else {
            CHECK(keys.contains(name));
          }
        }
      };
  check_all("", config);
  CHECK(contains(bench.run({"config", "keys"}).out, "search.population"));
}

TEST_CASE("--help of every command lists its options in lines of limited width", "[app]") {
  const Bench bench;
  const std::vector<std::string> run = both(kConfigOptions, kRunOptions);
  const std::map<std::string, std::vector<std::string>> commands{
      {"", {"--version", "--json", "--quiet", "--verbose", "search", "predict", "config", "75"}},
      {"search", run},
      {"profile", run},
      {"train", run},
      {"shrink", run},
      {"predict",
       both(kConfigOptions, {"--space", "--arch", "--archs", "--table", "--measure", "--out"})},
      {"latency", {"import", "adapt", "choose", "compare", "keys"}},
      {"latency compare", {"first", "second"}},
      {"latency import", both(kFitOptions, {"--operators", "--least-squares"})},
      {"latency adapt", both(kFitOptions, {"--table"})},
      {"latency choose", {"--space", "--count", "--seed"}},
      {"latency keys", {"--space"}},
      {"config", {"print", "check", "new", "keys"}},
      {"config print", kConfigOptions},
      {"config check", kConfigOptions},
      {"config new", both(kConfigOptions, {"file", "--force"})},
      {"config keys", {"default"}}};
  constexpr std::size_t kColumns = 100;
  std::vector<std::vector<std::string>> calls;
  for (const auto& [command, options] : commands) {
    calls.push_back(command.empty() ? std::vector<std::string>{} : split(command, ' '));
    calls.back().emplace_back("--help");
  }
  const auto outcomes = bench.run_all(calls);
  auto outcome = outcomes.begin();
  for (const auto& [command, options] : commands) {
    CAPTURE(command);
    CHECK(outcome->exit_code == 0);
    CHECK(outcome->err.empty());
    for (const std::string& option : options) {
      CAPTURE(option);
      CHECK(contains(outcome->out, option));
    }
    for (const std::string& line : lines_of(outcome->out)) {
      CAPTURE(line);
      CHECK(line.size() <= kColumns);
    }
    ++outcome;
  }
}

TEST_CASE("without arguments the program prints its usage and fails", "[app]") {
  const Outcome outcome = Bench().run({});
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.out.empty());
  CHECK(contains(outcome.err, "Usage: hsconas"));
  CHECK(contains(outcome.err, "search"));
}

TEST_CASE("--version prints one line", "[app]") {
  const Outcome outcome = Bench().run({"--version"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  CHECK(outcome.out.starts_with("hsconas "));
  CHECK(lines_of(outcome.out).size() == 1);
}

TEST_CASE("doctor describes the machine and says whether a search can start", "[app]") {
  const Bench bench;
  const Outcome machine = bench.run({"--json", "doctor"});
  REQUIRE(machine.exit_code == 0);
  const json facts = json::parse(machine.out).at("machine");
  for (const char* name : {"cpu", "CPUs", "kernels", "memory available", "disk free here"}) {
    CHECK_FALSE(facts.at(name).get<std::string>().empty());
  }

  const Outcome good = bench.run({"doctor", "--config", "micro.json"});
  CHECK(good.exit_code == 0);
  CHECK(contains(good.out, "micro.json: a search can start"));
  CHECK(contains(good.out, "time: "));
  const json forecast =
      json::parse(bench.run({"--json", "doctor", "micro.json"}).out).at("forecast");
  CHECK(forecast.at("images_per_second") > 0.0);
  for (const char* stage : {"supernet", "baseline", "search"}) {
    CHECK(forecast.at("seconds").at(stage) > 0.0);
  }

  const Outcome absent =
      bench.run({"doctor", "micro.json", "data.format=folder", "data.path=absent"});
  CHECK(absent.exit_code == 3);
  CHECK(contains(absent.out, "fault: "));
  CHECK(contains(absent.out, "absent"));
  CHECK(contains(absent.err, "a search cannot start"));

  const Outcome tight = bench.run({"doctor", "micro.json", "latency.target_ms=1e-6",
                                   "latency.accelerator=" + shipped("accelerators/kc-p.json")});
  CHECK(tight.exit_code == 4);
  CHECK(contains(tight.out, "no architecture meets latency.target_ms"));
}
