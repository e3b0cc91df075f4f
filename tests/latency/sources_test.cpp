#include <map>
#include <memory>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/accel/model.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/latency_keys.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/latency/source.hpp"
#include "support/errors.hpp"
#include "support/example_run.hpp"
#include "support/fake_timer.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

const std::filesystem::path kTable = source_folder() / "tests/golden/latency_table.json";
const std::filesystem::path kChip = source_folder() / "configs/accelerators/eyeriss-168.json";

/// A table as text, without what depends on the machine that the test runs on. As JSON, one with a
/// NaN would not equal itself.
std::string text_of(LatencyTable table) {
  table.noise = {};
  return to_json(table).dump();
}

/// The table that a config's source makes, on a device that FakeTimer plays.
std::string table_of(const Config& config) {
  Log log(Verbosity::Quiet, false);
  const StopToken stop;
  const SourceContext context{
      .log = log, .stop = stop, .open_timer = [] { return std::make_unique<FakeTimer>(); }};
  const LatencySpace space{SearchSpace(config.space)};
  return text_of(latency_source(config.latency).make(config, space, context));
}

}  // namespace

TEST_CASE("every source of latencies has its own name, and all of a row that its users need",
          "[latency]") {
  std::set<std::string> names;
  for (const LatencySource& source : latency_sources()) {
    INFO(source.name);
    CHECK(names.insert(std::string(source.name)).second);
    CHECK_FALSE(source.meaning.empty());
    CHECK(source.make != nullptr);
    CHECK(source.describe != nullptr);
    CHECK(source.key.empty() == (source.file == nullptr));
    if (source.file == nullptr) continue;
    CHECK(source.identity != nullptr);
    CHECK(source.inputs != nullptr);
  }
}

TEST_CASE("of the sources that share a key exactly one takes the files that no other recognises",
          "[latency]") {
  std::map<std::string, int> takes_the_rest;
  std::map<std::string, std::set<bool>> is_modelled;
  for (const LatencySource& source : latency_sources()) {
    takes_the_rest[std::string(source.key)] += source.recognises == nullptr ? 1 : 0;
    is_modelled[std::string(source.key)].insert(source.is_modelled);
  }
  for (const auto& [key, count] : takes_the_rest) {
    INFO(key);
    CHECK(count == 1);
    CHECK(is_modelled.at(key).size() == 1);
  }
}

TEST_CASE("latencies come from the file that the config names, and without one are measured",
          "[latency]") {
  LatencyConfig config;
  CHECK(latency_source(config).name == "measured");
  config.table = kTable.string();
  CHECK(latency_source(config).name == "table");
  config.table = "there is no such file";
  CHECK(latency_source(config).name == "table");
  config.table.clear();
  config.accelerator = kChip.string();
  CHECK(latency_source(config).name == "accelerator");
  CHECK(latency_source(with_table(config, kTable.string())).name == "table");
}

TEST_CASE("each source makes the table that its own functions make", "[latency]") {
  Config config = example_config();
  const SearchSpace space(config.space);
  Log log(Verbosity::Quiet, false);
  FakeTimer timer;
  CHECK(table_of(config) == text_of(measure_table(space, timer, timer.info(), config.latency,
                                                  config.seed, log, StopToken())));
  const TemporaryFolder folder;
  config.latency.table = (folder / "latency.json").string();
  json table = json::parse(table_of(example_config()));
  write_file(config.latency.table, table.dump());
  CHECK(table_of(config) == text_of(load_table(config.latency.table)));
  table["entries"].erase(table["entries"].begin());
  write_file(config.latency.table, table.dump());
  CHECK(
      contains(error_of([&] { table_of(config); }), config.latency.table + ": the latency table"));
  config.latency.table.clear();
  config.latency.accelerator = kChip.string();
  config.latency.batch = 2;
  CHECK(table_of(config) == text_of(accelerator_table(space, load_accelerator(kChip), 2)));
}

TEST_CASE("keys that name different sources of latencies exclude each other", "[latency][config]") {
  const auto keys = latency_keys();
  REQUIRE(keys.size() > 1);
  for (const LatencyKey& first : keys) {
    for (const LatencyKey& second : keys) {
      if (first.key >= second.key) continue;
      json source = to_json(example_config());
      source["latency"][first.key] = "a.json";
      CHECK(error_of([&] { read_config(source); }) == "nothing");
      source["latency"][second.key] = "b.json";
      const std::string error = error_of([&] { read_config(source); });
      CHECK(contains(error, first.path()));
      CHECK(contains(error, second.path()));
      CHECK(contains(error, "exclude each other"));
    }
  }
}

TEST_CASE("the help of a key that names a source says what its files may be", "[latency][config]") {
  for (const ConfigKey& key : config_keys()) {
    for (const LatencySource& source : latency_sources()) {
      if (source.key.empty() || key.path != "latency." + std::string(source.key)) continue;
      CHECK(contains(key.meaning, std::string(source.meaning)));
    }
  }
}

TEST_CASE("a shipped design has the same identity by its name in any folder as by its file",
          "[latency]") {
  const std::string file = "configs/accelerators/kc-p.json";
  CHECK(json_identity(file) == json_identity(std::string(HSCONAS_SOURCE_DIR) + "/" + file));
  CHECK_THROWS_AS(json_identity("configs/accelerators/none.json"), Error);
}
