// Profiling a remote device: an edge kit is exported, timed by its runners and imported.
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "app/program.hpp"
#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "support/skip.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

const std::string kScripts = std::string(HSCONAS_SOURCE_DIR) + "/tests/scripts";

/// An exported kit of the micro space, and shell commands in its folder.
struct Kit {
  explicit Kit(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"--json",     "profile",      "--config",
                                   "micro.json", "--export-kit", "kit"};
    words.insert(words.end(), more.begin(), more.end());
    outcome = bench.run(words);
  }

  Bench bench;
  Outcome outcome;

  std::filesystem::path file(const std::string& name) const { return bench / "kit" / name; }
  int shell(const std::string& command) const {
    return std::system(
        fmt::format("cd '{}' && {} 2> '{}'", file("").string(), command, file("err").string())
            .c_str());
  }
};

std::string python_with_numpy() {
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    if (std::system(fmt::format("{} -c 'import numpy' 2> /dev/null", python).c_str()) == 0) {
      return python;
    }
  }
  return "";
}

}  // namespace

TEST_CASE("run.py times every model of a kit, and latency import makes a table of the results",
          "[deploy]") {
  const Kit kit;
  REQUIRE(kit.outcome.exit_code == 0);
  CHECK(json::parse(kit.outcome.out)["networks"] == 10);
  const std::string python = python_with_numpy();
  if (python.empty()) return skip_test("no python3 with numpy");
  REQUIRE(kit.shell(fmt::format("PYTHONPATH='{}/fake_onnxruntime' {} run.py --rounds 3 "
                                "--sample-ms 0.1",
                                kScripts, python)) == 0);
  CHECK(contains(read_file(kit.file("err")), "round 3 of 3"));
  const CsvTable results = CsvTable::load(kit.file("results.csv"));
  CHECK(results.rows() + 1 == CsvTable::load(kit.file("manifest.csv")).rows());
  CHECK(results.number(0, results.column("ms")) >= 0.02);
  CHECK(results.number(0, results.column("low")) <= results.number(0, results.column("high")));

  const Outcome imported = kit.bench.run({"--json", "latency", "import", "kit/results.csv"});
  REQUIRE(imported.exit_code == 0);
  const json report = json::parse(imported.out);
  CHECK(report["table"] == "kit/latency.json");
  CHECK(report["held_out"].size() == 2);
  // The imported table can be used by other commands.
  CHECK(kit.bench
            .run({"predict", "--config", "micro.json", "--arch", "0:1-1:0-2:1", "--table",
                  "kit/latency.json"})
            .exit_code == 0);
}

TEST_CASE("run.py times an int8 kit, and its table says so", "[deploy][int8]") {
  const Kit kit({"--int8"});
  REQUIRE(kit.outcome.exit_code == 0);
  CHECK(!std::filesystem::exists(kit.file("run_trtexec.sh")));
  const std::string python = python_with_numpy();
  if (python.empty()) return skip_test("no python3 with numpy");
  REQUIRE(kit.shell(fmt::format("PYTHONPATH='{}/fake_onnxruntime' {} run.py --rounds 3 "
                                "--sample-ms 0.1",
                                kScripts, python)) == 0);
  REQUIRE(kit.bench.run({"latency", "import", "kit/results.csv"}).exit_code == 0);
  CHECK(read_json(kit.file("latency.json"))["device"]["precision"] == "int8");
  const Outcome alone = kit.bench.run({"profile", "--config", "micro.json", "--int8"});
  CHECK(alone.exit_code == 2);
  CHECK(contains(alone.err, "--export-kit"));
}

TEST_CASE("run_trtexec.sh takes the middle of the medians that trtexec prints", "[deploy]") {
  const Kit kit;
  // This trtexec reports 1, 2 and 3 ms in the three rounds.
  write_file(kit.file("trtexec"),
             "#!/bin/sh\n"
             "echo \"$*\" >> calls\n"
             "n=$(grep -c -- \"$1\" calls)\n"
             "echo '[I] Enqueue Time: min = 0.1 ms, max = 9 ms, mean = 5 ms, median = 1.5 ms'\n"
             "echo '[I] Latency: min = 9 ms, max = 9 ms, mean = 9 ms, median = 9 ms'\n"
             "echo \"[I] GPU Compute Time: min = 0.1 ms, max = 9 ms, mean = 5 ms, median = $n ms, "
             "percentile(99%) = 9 ms\"\n");
  REQUIRE(kit.shell("chmod +x trtexec && TRTEXEC=./trtexec ./run_trtexec.sh --fp16") == 0);
  const CsvTable results = CsvTable::load(kit.file("results.csv"));
  CHECK(results.rows() + 1 == CsvTable::load(kit.file("manifest.csv")).rows());
  for (std::size_t row = 0; row < results.rows(); ++row) {
    CHECK(results.number(row, results.column("ms")) == 2.0);
  }
  CHECK(contains(read_file(kit.file("calls")),
                 "--onnx=block0000.onnx --fp16 --useCudaGraph --noDataTransfers --useSpinWait"));
  const std::string said = read_file(kit.file("err"));
  CHECK(contains(said,
                 "block0000.onnx: compute 1 ms, enqueue 1.5 ms\nrun_trtexec: warning: "
                 "block0000.onnx was waiting for the CPU\n"));
  CHECK(contains(said, "block0000.onnx: compute 2 ms, enqueue 1.5 ms\nblock0001.onnx"));
  CHECK(kit.bench.run({"latency", "import", "kit/results.csv"}).exit_code == 0);

  CHECK(kit.shell("TRTEXEC=./none ./run_trtexec.sh") != 0);
  CHECK(contains(read_file(kit.file("err")), "no ./none here; set TRTEXEC"));
  CHECK(kit.shell("TRTEXEC=true ./run_trtexec.sh") != 0);
  CHECK(contains(read_file(kit.file("err")), "gave no time for block0000.onnx"));
}

TEST_CASE("incomplete results and conflicting options are one-line errors", "[deploy]") {
  const Kit kit;
  write_file(kit.file("results.csv"), "file,ms\nblock0000.onnx,1\n");
  const auto outcomes =
      kit.bench.run_all({{"latency", "import", "kit/results.csv"},
                         {"latency", "import", "kit/results.csv", "--operators", "x.csv"},
                         {"latency", "import"},
                         {"latency", "import", "micro.json"},
                         {"profile", "--config", "micro.json", "--export-kit", "kit"}});
  const std::vector<std::pair<int, std::string>> expected{
      {3, "kit/results.csv: lacks the times of "},
      {2, "--operators does not go with the results of an edge kit"},
      {2, "latency import needs --space and --out, or the results.csv of an edge kit"},
      {3, "micro.json: is JSON, not CSV"},
      {2, "kit is not empty; name a new folder for the kit"}};
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    INFO(outcomes[i].err);
    CHECK(outcomes[i].exit_code == expected[i].first);
    CHECK(contains(outcomes[i].err, expected[i].second));
    CHECK(lines_of(outcomes[i].err).size() == 1);
  }
}
