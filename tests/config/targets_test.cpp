// The targets of a config: several latency budgets and tables for one supernet.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

json two_targets() {
  return {{"space",
           {{"name", "tiny"},
            {"image_size", 8},
            {"stages", json::array({{{"layers", 2}, {"channels", 32}}})},
            {"operators", {"shuffle_k3", "skip"}}}},
          {"latency", {{"batch", 4}, {"target_ms", 2.0}}},
          {"search", {{"population", 12}}},
          {"targets",
           {{"server", {{"latency", {{"batch", 16}}}}},
            {"phone", {{"latency", {{"target_ms", 9.0}}}, {"search", {{"population", 30}}}}}}}};
}

std::string error_with(const json& targets) {
  json source = two_targets();
  source["targets"] = targets;
  return error_of([&] { read_config(source); });
}

}  // namespace

TEST_CASE("a target has the settings of the config, except for its own", "[config]") {
  const auto targets = target_configs(read_config(two_targets()));
  REQUIRE(targets.size() == 2);
  const Config& phone = targets[0];
  CHECK(phone.name == "phone");
  CHECK(phone.latency.batch == 4);
  CHECK(phone.latency.target_ms == 9.0);
  CHECK(phone.search.population == 30);
  CHECK(phone.targets.empty());
  const Config& server = targets[1];
  CHECK(server.name == "server");
  CHECK(server.latency.batch == 16);
  CHECK(server.latency.target_ms == 2.0);
  CHECK(server.search.population == 12);
}

TEST_CASE("a config without targets is its own target", "[config]") {
  json source = two_targets();
  source.erase("targets");
  const Config config = read_config(source);
  const auto targets = target_configs(config);
  REQUIRE(targets.size() == 1);
  CHECK(to_json(targets[0]) == to_json(config));
  CHECK_FALSE(to_json(config).contains("targets"));
}

TEST_CASE("targets are written and read back", "[config]") {
  const json written = to_json(read_config(two_targets()));
  CHECK(written["targets"] == two_targets()["targets"]);
  CHECK(to_json(read_config(written)) == written);
}

TEST_CASE("a target can only change what needs no other supernet", "[config]") {
  for (const char* section :
       {"supernet", "data", "space", "device", "seed", "retrain", "targets"}) {
    CHECK(error_with({{"phone", {{section, json::object()}}}}) ==
          "usage: targets.phone cannot set '" + std::string(section) +
              "', because all targets share one supernet: only latency, limits, score, shrink and "
              "search "
              "may differ");
  }
}

TEST_CASE("mistakes in a target name the target and the key", "[config]") {
  CHECK(error_with({{"phone", {{"latency", {{"tabel", "a.json"}}}}}}) ==
        "usage: targets.phone: latency.tabel is not a known key (did you mean 'table'?)");
  CHECK(error_with({{"phone", {{"latency", {{"batch", 0}}}}}}) ==
        "usage: targets.phone: latency.batch must be in [1, 65536], got 0");
  CHECK(error_with({{"phone", {{"search", {{"parents", 13}}}}}}) ==
        "usage: targets.phone: search.parents must be at most search.population (12), got 13");
  CHECK(error_with({{"phone", {{"latency", {{"batch", nullptr}}}}}}) != "nothing");
  CHECK(error_with({{"phone", 3}}) == "usage: targets.phone must be an object of settings");
  CHECK(error_with(json::array({"phone"})) ==
        "usage: targets must be an object of targets by name");
}

TEST_CASE("the name of a target can be the name of a folder", "[config]") {
  for (const char* name : {"", ".", "..", "v1.0", "-x", "a/b", "a b", "\xc3\xa4"}) {
    INFO(name);
    CHECK(contains(error_with({{name, json::object()}}), "cannot name a target"));
  }
  CHECK(error_with({{"phone-2_b", json::object()}}) == "nothing");
}

TEST_CASE("paths in targets count from the config file, and in overrides from here", "[config]") {
  const TemporaryFolder folder;
  json source = two_targets();
  source["targets"]["phone"]["latency"]["table"] = "phone.csv";
  write_json(folder / "config.json", source);
  CHECK(target_configs(load_config(folder / "config.json", {}))[0].latency.table ==
        (folder / "phone.csv").string());
  const auto overridden =
      load_config(folder / "config.json",
                  {"targets.server.latency.table=2024", "targets.server.latency.target_ms=3"});
  const auto targets = target_configs(overridden);
  CHECK(targets[1].latency.table == (std::filesystem::current_path() / "2024").string());
  CHECK(targets[1].latency.target_ms == 3.0);
  CHECK(load_config(folder / "config.json", {"targets={}"}).targets.empty());
}
