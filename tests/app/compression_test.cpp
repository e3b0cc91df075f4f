// Runs the program's codesign command on trained networks: codesign.method compress.
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/program.hpp"
#include "catch.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

/// Three networks of the micro space, each trained for a second, and a config that compresses them.
class CompressionBench : public Bench {
 public:
  CompressionBench() {
    json config = micro_config();
    config["retrain"] = {{"epochs", 4},          {"warmup_epochs", 0}, {"batch", 32},
                         {"average_decay", 0.9}, {"lr", 0.05},         {"use_holdout", false}};
    config["search"]["generations"] = 3;
    config["codesign"] = {{"designs", shipped("accelerators/eyeriss-bits.json")},
                          {"method", "compress"},
                          {"start", {"a", "b", "c"}},
                          {"tune_steps", 4}};
    json training = config;
    training.erase("codesign");
    write_json(*this / "training.json", training);
    write_json(*this / "compress.json", config);
    const auto retrain = [](const char* name, const char* arch) -> std::vector<std::string> {
      return {"retrain", "--config", "training.json", "--arch", arch, "--out", name};
    };
    for (const Outcome& outcome : run_all({retrain("a", "0:1-1:1-0:1"), retrain("b", "0:0-0:1-1:1"),
                                           retrain("c", "1:1-2:1-0:1")})) {
      INFO(outcome.err);
      REQUIRE(outcome.exit_code == 0);
    }
  }

  static std::vector<std::string> command(const std::string& name,
                                          const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"codesign", "--config", "compress.json", "-w", name};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  json result(const std::string& name) const {
    json object = read_json(*this / name / "codesign.json");
    object.erase("seconds");
    object.erase("crc32");
    return object;
  }
};

const CompressionBench& bench() {
  static const CompressionBench one;
  return one;
}

}  // namespace

TEST_CASE("codesign compresses trained networks and writes the winner's files", "[compression]") {
  const Outcome outcome = bench().run(bench().command("run"));
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const json record = read_json(bench() / "run/int8.json");
  const json best = bench().result("run")["best"];
  CHECK(record["arch"] == best["arch"]);
  CHECK(record["weights"] == "compressed");
  CHECK(fs::exists(bench() / "run/export/model.int8.onnx"));
  CHECK(read_json(bench() / "run/architecture.json")["arch"] == best["arch"]);

  // The folder is a model like any other.
  const Outcome evaluated = bench().run({"--json", "evaluate", "run"});
  INFO(evaluated.err);
  REQUIRE(evaluated.exit_code == 0);
  const json evaluation = json::parse(evaluated.out);
  CHECK(evaluation["weights"] == "compressed");
  CHECK(evaluation["top1"] == record["test"]["fp32"]["top1"]);
  CHECK(bench().run({"export", "run"}).exit_code == 0);
  CHECK(fs::exists(bench() / "run/export/model.pt"));
  const Outcome int8 = bench().run({"export", "run", "--int8"});
  CHECK(int8.exit_code == 2);
  CHECK(contains(int8.err, "the co-design has made this network int8"));
  CHECK(read_json(bench() / "run/int8.json") == record);

  const Outcome report = bench().run({"report", "run"});
  CHECK(report.exit_code == 0);
  CHECK(!contains(report.err, "warning"));
  const std::string page = read_file(bench() / "run/report.html");
  CHECK(contains(page, best["design"].get<std::string>()));
  CHECK(contains(page, "The best network is made from"));

  // The same command reads the result back, and another folder gets the same files.
  const Outcome again = bench().run(bench().command("run", {"--resume"}));
  CHECK(contains(again.err, "finished before with the same settings"));
  REQUIRE(bench().run(bench().command("other")).exit_code == 0);
  CHECK(bench().result("other") == bench().result("run"));
  for (const char* file : {"model.safetensors", "int8.json", "export/model.int8.onnx"}) {
    INFO(file);
    CHECK((read_file(bench() / "run" / file) == read_file(bench() / "other" / file)));
  }

  // A file of the winner that was lost is made again.
  fs::remove(bench() / "other/model.safetensors");
  REQUIRE(bench().run(bench().command("other", {"--resume"})).exit_code == 0);
  CHECK((read_file(bench() / "run/model.safetensors") ==
         read_file(bench() / "other/model.safetensors")));
}

TEST_CASE("a compression that was killed or interrupted continues with the accuracies that it has",
          "[compression]") {
  REQUIRE(bench().run(bench().command("whole", {"seed=2"})).exit_code == 0);
  const auto candidates = bench() / "part/codesign-candidates.csv";
  for (const int signal : {SIGKILL, SIGINT}) {
    Process process = bench().start(bench().command("part", {"seed=2", "--resume"}));
    const std::size_t known = fs::exists(candidates) ? lines_of(read_file(candidates)).size() : 1;
    process.wait_until([&] {
      return fs::exists(candidates) && lines_of(read_file(candidates)).size() > known + 1;
    });
    process.send(signal);
    CHECK(process.wait().exit_code == (signal == SIGKILL ? 128 + SIGKILL : 75));
  }
  REQUIRE(bench().run(bench().command("part", {"seed=2", "--resume"})).exit_code == 0);
  CHECK(bench().result("part") == bench().result("whole"));
  CHECK((read_file(bench() / "part/model.safetensors") ==
         read_file(bench() / "whole/model.safetensors")));
}

TEST_CASE("what cannot be compressed is a one-line error", "[compression]") {
  const std::vector<std::pair<std::vector<std::string>, std::pair<int, std::string>>> cases{
      {{"codesign.max_latency_ms=1e-6"}, {4, "the nearest is "}},
      {{"codesign.start=nowhere"}, {3, "nowhere: is neither a run nor a model"}},
      {{"codesign.start=a,b,./a"}, {2, "/a twice: leave out one of them"}},
      {{"codesign.start=a", "space.head.channels=64"}, {2, "a: its network is of another space"}},
      {{"codesign.start=a", "retrain.batch=100000"}, {2, "retrain.batch"}},
      {{"codesign.designs=" + shipped("accelerators/kc-p.json"), "codesign.weight_bits=4"},
       {2, "codesign.weight_bits 4: no design of kc-p supports such weights"}}};
  for (const auto& [settings, expected] : cases) {
    std::vector<std::string> words{"--overwrite", "-q"};
    words.insert(words.end(), settings.begin(), settings.end());
    const Outcome outcome = bench().run(bench().command("refused", words));
    INFO(outcome.err);
    CHECK(outcome.exit_code == expected.first);
    CHECK(contains(outcome.err, expected.second));
    CHECK(lines_of(outcome.err).size() == 1);
  }
}

TEST_CASE("networks that trained on the held-out images get a warning", "[compression]") {
  REQUIRE(bench()
              .run({"retrain", "--config", "training.json", "--arch", "0:1-1:1-0:1", "--out",
                    "known", "retrain.use_holdout=true", "retrain.epochs=1"})
              .exit_code == 0);
  const Outcome outcome = bench().run(bench().command(
      "warned", {"codesign.start=known", "codesign.tune_steps=0", "search.generations=1"}));
  CHECK(contains(outcome.err, "known: was trained on held-out images"));
  CHECK(!contains(bench().run(bench().command("plain", {"--dry-run"})).err, "held-out"));
}
