// Files that are cut off or have one changed byte: what the program wrote itself is either refused
// by name or read as it was; what people write is refused or taken, but never crashes a reader.
#include "support/damage.hpp"

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/accel/accelerator.hpp"
#include "hsconas/accel/layer.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/latency/import.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/report/run_report.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/stages/load_run.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/stages/work_dir.hpp"
#include "support/errors.hpp"
#include "support/example_run.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// write_file() syncs, which a thousand files need not wait for.
void overwrite(const fs::path& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

/// `read` returns what the program takes from `path`, as text. Counts the copies it refused.
int check_own(const fs::path& path, const std::function<std::string()>& read,
              int copies = kDamages) {
  const std::string contents = read_file(path);
  const std::string sound = read();
  int refused = 0;
  for_each_damage(contents, copies, [&](const std::string& damaged, const std::string& what) {
    overwrite(path, damaged);
    std::string found;
    const std::string error = error_of([&] { found = read(); });
    CAPTURE(path, what, error);
    if (error == "nothing") {
      if (found != sound) FAIL("taken, but it says something else than before");
      return;
    }
    ++refused;
    if (!error.starts_with("data: " + path.string())) FAIL("refused, but not by its name");
  });
  return refused;
}

json golden(const char* name) {
  return read_json(source_folder() / "tests" / "golden" / name);
}

/// A file that people write: every damage is taken or an error of ours.
void check_foreign(const fs::path& original, const fs::path& copy,
                   const std::function<void(const fs::path&)>& read) {
  const std::string contents = read_file(original);
  overwrite(copy, contents);
  REQUIRE(error_of([&] { read(copy); }) == "nothing");
  int refused = 0;
  for_each_damage(contents, kDamages, [&](const std::string& damaged, const std::string& what) {
    overwrite(copy, damaged);
    CAPTURE(original, what);
    const std::string error = error_of([&] { read(copy); });
    refused += error == "nothing" ? 0 : 1;
    if (error.starts_with("internal: ")) FAIL(error);
  });
  CHECK(refused > kDamages / 2);
}

}  // namespace

TEST_CASE("a damaged latency table, record of stages or result is refused or says the same",
          "[damage]") {
  const TemporaryFolder folder;
  const fs::path table = folder / "latency.json";
  write_sealed_json(table, golden("latency_table.json"));
  CHECK(check_own(table, [&] {
          return to_json(read_table(read_sealed_json(table), table.string())).dump();
        }) > kDamages * 9 / 10);

  const fs::path result = folder / "result.json";
  write_sealed_json(result, golden("result.json"));
  CHECK(check_own(result, [&] { return to_json(load_result(result)).dump(); }) > kDamages * 2 / 3);

  const fs::path stages = folder / "stages.json";
  const json inputs = golden("result.json");
  StageRecord(stages).finish("search", inputs);
  CHECK(check_own(stages, [&] {
          // Another answer than "done as it was" would run the stage again or reuse what is stale.
          return StageRecord(stages).is_done("search", inputs) ? "done" : "changed";
        }) > kDamages * 2 / 3);
}

TEST_CASE("a run is reported as it was, or not at all, when a file of its is damaged", "[damage]") {
  constexpr int copies = kDamages / 5;  // Reporting a run reads all of its files.
  for (const char* name : {"shrink.json", "result.json"}) {
    const TemporaryFolder folder;
    make_example_run(folder / "run", example_config());
    const auto report = [&] { return run_report(load_run(folder / "run")); };
    CHECK(check_own(folder / "run" / name, report, copies) > copies * 2 / 3);
  }
}

TEST_CASE("a table given by hand may lack its checksum, but not have a wrong one", "[damage]") {
  const TemporaryFolder folder;
  const fs::path table = folder / "table.json";
  const auto load = [&] { return to_json(load_table(table)).dump(); };
  write_sealed_json(table, golden("latency_table.json"));
  CHECK(check_own(table, load) > kDamages * 9 / 10);
  check_foreign(source_folder() / "tests/golden/latency_table.json", table,
                [](const fs::path& path) { load_table(path); });
}

TEST_CASE("a damaged candidates.csv is refused, or only lacks lines that are scored again",
          "[damage]") {
  const TemporaryFolder folder;
  const fs::path csv = folder / "candidates.csv";
  const SearchSpace space = tiny_space();
  FakeEvaluator evaluator{space};
  const FakeLatency latency{space};
  const Objective objective{.target_ms = 1.3, .beta = -0.3};
  Rng rng(1, "test");
  std::vector<Architecture> archs;
  for (int i = 0; i < 20; ++i) archs.push_back(sample(Subspace::full(space), rng));
  const auto scores = [&] {
    std::string text;
    Scorer scorer(space, evaluator, latency, objective, csv);
    for (const Candidate& candidate : scorer.score(archs)) {
      text += fmt::format("{} {} {}\n", candidate.accuracy, candidate.latency_ms, candidate.score);
    }
    return text;
  };
  scores();
  CHECK(check_own(csv, scores) > kDamages * 9 / 10);
}

TEST_CASE("damaged configs, spaces, designs, networks and measurements never crash a reader",
          "[damage]") {
  const TemporaryFolder folder;
  const fs::path configs = source_folder() / "configs";
  Config config = load_config(configs / "quickstart.json", {});
  write_json(folder / "whole.json", to_json(config));
  check_foreign(folder / "whole.json", folder / "config.json",
                [](const fs::path& path) { load_config(path, {}); });
  check_foreign(configs / "spaces/quickstart-32.json", folder / "space.json",
                [](const fs::path& path) { SearchSpace(read_space(read_json(path))); });
  check_foreign(configs / "accelerators/kc-p.json", folder / "design.json",
                [](const fs::path& path) { load_accelerator(path); });
  check_foreign(configs / "networks/shufflenetv2.json", folder / "network.json",
                [](const fs::path& path) { load_network(path); });
  const LatencySpace space(tiny_space());
  std::string csv = "arch,ms\n";
  Rng rng(1, "test");
  for (int i = 0; i < 20; ++i) {
    csv += fmt::format(
        "{},{}\n", space.search_space()->encode(sample(Subspace::full(*space.search_space()), rng)),
        rng.uniform(1.0, 2.0));
  }
  overwrite(folder / "networks.csv", csv);
  check_foreign(folder / "networks.csv", folder / "copy.csv", [&](const fs::path& path) {
    read_measurements(CsvTable::load(path), space, "ms");
  });
}
