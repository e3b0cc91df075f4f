#include "hsconas/stages/compression_run.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "support/errors.hpp"
#include "support/fake_compressed_evaluator.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"
#include "support/thread_group.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// A compression in a folder of its own, with known accuracies instead of trained weights.
struct CompressionRunBench {
  TemporaryFolder folder;
  SearchSpace space = shipped_space("quickstart-32");
  std::vector<StartNetwork> starts{{"runs/wide", space.uniform(0), 0.93},
                                   {"runs/narrow", space.uniform(1, 5), 0.9}};
  FakeCompressedEvaluator evaluator{space, {starts[0].arch, starts[1].arch}, {0.93, 0.9}};
  Config config;
  std::vector<CompressedNetwork> finished;
  json inputs = {{"networks", "fake"}};

  CompressionRunBench() {
    config.space = space.description();
    config.search = {.population = 10, .generations = 4, .parents = 4};
    config.codesign.method = "compress";
    config.codesign.start = {"runs/wide", "runs/narrow"};
    config.codesign.designs = (folder / "designs.json").string();
    write_json(config.codesign.designs, json::parse(R"({"name": "some", "dataflow": ["rs", "ws-kc"],
      "pes": [64, 256], "offchip_bytes": [2, 8], "noc_words": 16, "buffer_bytes": 131072, "energy": "accelergy-eyeriss",
      "bits": {"input": 16, "weight": 16, "psum": 32},
      "supported_bits": {"input": [8], "weight": [4, 8]}})"));
  }

  CodesignRecord run(const std::string& name) {
    return run(WorkDir::open(folder / name, WorkDirMode::Resume));
  }
  CodesignRecord run(const WorkDir& dir) {
    StageRecord stages(dir.stages(), false, dir.files);
    Log log(Verbosity::Quiet, false);
    const auto finish = [this](const CompressedNetwork& best) {
      finished.push_back(best);
      return 0.875;
    };
    return run_compression(
        config, dir, stages,
        {.starts = starts, .evaluator = evaluator, .inputs = inputs, .finish = finish}, log, {});
  }
};

json without_seconds(const CodesignRecord& record) {
  json object = to_json(record);
  object.erase("seconds");
  return object;
}

}  // namespace

TEST_CASE("a compression writes its result and reads it back when nothing has changed",
          "[compress]") {
  CompressionRunBench bench;
  const CodesignRecord record = bench.run("run");
  REQUIRE(record.compression);
  REQUIRE(record.best.compression);
  CHECK(record.method == "compress");
  CHECK(record.compression->starts[0].folder == "runs/wide");
  CHECK(record.compression->starts[1].accuracy == 0.9);
  CHECK(record.compression->starts[0].best);
  CHECK(record.compression->test_accuracy == 0.875);
  CHECK(record.best.power_mw);
  CHECK(record.networks == std::ssize(bench.evaluator.asked));
  CHECK(bench.finished.size() == 1);
  CHECK(bench.space.encode(bench.finished[0].arch) == record.best.arch);
  CHECK(bench.finished[0].bits == record.best.compression->bits);

  const CsvTable pairs = CsvTable::load(bench.folder / "run/pairs.csv");
  CHECK(pairs.rows() == bench.evaluator.asked.size());
  CHECK(without_seconds(read_codesign_record(read_json(bench.folder / "run/codesign.json"), "R")) ==
        without_seconds(record));

  const std::size_t asked = bench.evaluator.asked.size();
  CHECK(without_seconds(bench.run("run")) == without_seconds(record));
  CHECK(bench.finished.size() == 1);
  CHECK(bench.evaluator.asked.size() == asked);
  // Other limits: the stage runs again, on the accuracies that it has.
  bench.config.codesign.max_latency_ms = 1e9;
  const CodesignRecord again = bench.run("run");
  CHECK(again.best.arch == record.best.arch);
  CHECK(bench.evaluator.asked.size() == asked);
  // Other weights: nothing is known of them.
  bench.inputs = {{"networks", "others"}};
  bench.run("run");
  CHECK(bench.evaluator.asked.size() == 2 * asked);
}

TEST_CASE("a compression run that was interrupted continues to the same files", "[compress]") {
  CompressionRunBench whole;
  const CodesignRecord expected = whole.run("run");
  CompressionRunBench part;
  part.evaluator.interrupt_at = 20;
  CHECK(error_of([&] { part.run("run"); }) == "interrupted: stopped by the test");
  CHECK_FALSE(is_there(part.folder / "run/codesign.json"));
  part.evaluator.interrupt_at = whole.evaluator.asked.size();
  CHECK(without_seconds(part.run("run")) == without_seconds(expected));
  CHECK(part.evaluator.asked.size() == whole.evaluator.asked.size());
  for (const char* file : {"pairs.csv", "codesign-candidates.csv"}) {
    CHECK(read_file(part.folder / "run" / file) == read_file(whole.folder / "run" / file));
  }
}

TEST_CASE("several ranks compress to the same files as one", "[compress][group]") {
  CompressionRunBench alone;
  const json expected = without_seconds(alone.run("run"));
  const TemporaryFolder folder;
  std::vector<json> found(3);
  const auto ends = run_ranks(3, [&](const std::shared_ptr<ProcessGroup>& group) {
    CompressionRunBench bench;
    const auto root = group->rank() == 0 ? folder / "run" : folder / "not-there";
    found[static_cast<std::size_t>(group->rank())] = without_seconds(
        bench.run(WorkDir::open(root, WorkDirMode::Resume, false, GroupFiles(group))));
  });
  CHECK(ends == std::vector<std::string>(3, "nothing"));
  CHECK(found == std::vector<json>(3, expected));
  CHECK_FALSE(is_there(folder / "not-there"));
  CHECK(read_file(folder / "run/pairs.csv") == read_file(alone.folder / "run/pairs.csv"));
}

TEST_CASE("with too many networks pairs.csv of a compression holds the front", "[compress]") {
  CompressionRunBench bench;
  bench.config.codesign.pairs_written = 5;
  const CodesignRecord record = bench.run("run");
  CHECK(record.pairs_csv == "front");
  const CsvTable pairs = CsvTable::load(bench.folder / "run/pairs.csv");
  CHECK(pairs.rows() == record.front.size());
}

TEST_CASE("a start that fits no design is reported without a design", "[compress]") {
  CompressionRunBench bench;
  json designs = read_json(bench.config.codesign.designs);
  designs["bits"]["input"] = 64;
  designs["bits"]["psum"] = 64;
  designs["bits"]["weight"] = 64;
  designs["buffer_bytes"] = 2048;
  write_json(bench.config.codesign.designs, designs);
  const std::string end = error_of([&] {
    const CodesignRecord record = bench.run("run");
    for (const StartSummary& start : record.compression->starts) CHECK_FALSE(start.best);
    CHECK(record.compression->start_front.empty());
  });
  CAPTURE(end);
  CHECK((end == "nothing" || contains(end, "no network fits a design's buffer and words")));
}

TEST_CASE("the plan of a compression names the starts, the bits and the steps", "[compress]") {
  CompressionRunBench bench;
  const std::string plan = describe_codesign(bench.config, 0);
  CHECK(contains(plan, "networks: 2 trained ones and what they can be compressed to of "));
  CHECK(contains(plan, "start: runs/wide runs/narrow\n"));
  CHECK(contains(plan, "weights of each block: 4 or 8 bits"));
  CHECK(contains(plan, "at most 50, each tuned for 100 steps"));
  CHECK_FALSE(contains(plan, "proxy"));
}
