#include "hsconas/stages/load_run.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "catch.hpp"
#include "support/errors.hpp"
#include "support/example_run.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

void change_config(const fs::path& run, const char* pointer, const json& value) {
  json config = read_json(run / "config.json");
  config[json::json_pointer(pointer)] = value;
  write_json(run / "config.json", config);
}

}  // namespace

TEST_CASE("a finished run is loaded with all it has left", "[report]") {
  const TemporaryFolder folder;
  make_example_run(folder / "run", example_config());
  const RunRecord run = load_run(folder / "run");
  CHECK(run.unfinished.empty());
  REQUIRE(run.result.has_value());
  CHECK(run.config.name == "example");
  CHECK(run.versions == "hsconas 0.1.0\nLibTorch <none>\n");
  CHECK(run.table.has_value());
  CHECK(run.shrink.has_value());
  CHECK(run.weights.size() == 2);
  CHECK_FALSE(run.candidates.empty());
  CHECK(run.metrics.lines().size() == 414);
}

TEST_CASE("a run counts as finished only with the settings and table of its search", "[report]") {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  make_example_run(path, example_config());
  const auto why = [&] {
    const RunRecord run = load_run(path);
    CHECK(run.result.has_value() == run.unfinished.empty());
    return run.unfinished;
  };
  change_config(path, "/checkpoint_minutes", 3);  // Nothing depends on it,
  change_config(path, "/score/memory_mb", 3);     // nor on this.
  CHECK(why().empty());
  change_config(path, "/search/population", 8);
  CHECK(why() ==
        fmt::format("since the search finished, search.population changed from 6 to 8; repeat it "
                    "with hsconas search --config {0}/config.json --work-dir {0} --resume",
                    path.string()));
  change_config(path, "/search/population", 6);
  change_config(path, "/seed", 2);
  CHECK(contains(why(), "weights.seed changed from 1 to 2"));
  change_config(path, "/seed", 1);
  change_config(path, "/score/beta", -0.5);
  CHECK(contains(why(), "judged_by.score.beta changed"));
  change_config(path, "/score/beta", -0.3);
  change_config(path, "/data/path", "/else/where");  // Images count by what they are,
  change_config(path, "/log/tensorboard", true);     // and curves are no result.
  CHECK(why().empty());
  change_config(path, "/data/holdout_images", 9);
  CHECK(contains(why(), "weights.data.holdout_images changed"));
  change_config(path, "/data/holdout_images", 5000);
  CHECK(why().empty());
  json table = read_json(path / "latency.json");
  table["bias_ms"] = 17.0;
  write_json(path / "latency.json", table);
  CHECK(contains(why(), "judged_by.latency_table changed"));
}

TEST_CASE("a run whose search has not ended is loaded as far as it is", "[report]") {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  make_example_run(path, example_config());
  StageRecord(path / "stages.json").begin("search");
  RunRecord run = load_run(path);
  CHECK(run.unfinished ==
        fmt::format("the search has not finished; continue it with hsconas search --config "
                    "{0}/config.json --work-dir {0} --resume",
                    path.string()));
  CHECK_FALSE(run.result.has_value());
  CHECK(run.weights.size() == 2);
  CHECK(run.weights[0].stage == "weights 1");
  for (const char* name : {"stages.json", "result.json", "candidates.csv", "shrink.json",
                           "latency.json", "metrics.jsonl", "version.txt"}) {
    fs::remove(path / name);
    run = load_run(path);
    CHECK_FALSE(run.unfinished.empty());
  }
  CHECK(run.candidates.empty());
  CHECK_FALSE(run.table.has_value());
}

TEST_CASE("a folder without a run and damaged files are one sentence each", "[report]") {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  const auto message = [&] { return error_of([&] { load_run(path); }); };
  CHECK(message() == "data: " + path.string() + ": holds no run: config.json is missing");
  make_example_run(path, example_config());
  for (const char* name : {"stages.json", "result.json", "candidates.csv", "shrink.json",
                           "latency.json", "metrics.jsonl"}) {
    CAPTURE(name);
    const std::string whole = read_file(path / name);
    for (const std::string& damaged : {whole.substr(0, whole.size() / 2), std::string("[3]\n")}) {
      write_file(path / name, damaged);
      CHECK(message().starts_with("data: " + (path / name).string()));
    }
    write_file(path / name, whole);
  }
  CHECK(message() == "nothing");
}
