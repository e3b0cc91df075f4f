// A CSV of measured networks as latency.table, from the command line.
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/program.hpp"
#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/space/subspace.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

/// A folder with micro.json, its space, and networks.csv: measured networks of that space, each
/// twice, where a layer takes `slope` ms for every unit of its operator and width.
struct NetworksBench : Bench {
  NetworksBench() {
    write_json(*this / "space.json", micro_config()["space"]);
    write_file(*this / "networks.csv", measured(0.25));
  }

  static std::string measured(double slope, const char* header = "arch,ms") {
    const SearchSpace space(read_space(micro_config()["space"]));
    Rng rng(1, "networks");
    std::string csv = std::string(header) + "\n";
    for (int i = 0; i < 60; ++i) {
      const Architecture arch = sample(Subspace::full(space), rng);
      double ms = 2.0;
      for (const LayerChoice choice : space.canonical(arch)) {
        ms += slope * (1.0 + 2.0 * choice.op + choice.width);
      }
      for (const double factor : {0.99, 1.01}) {
        csv += fmt::format("{},{}\n", space.encode(arch), factor * ms);
      }
    }
    return csv;
  }

  /// `hsconas profile`, which makes a run's latency table and nothing else.
  Outcome profile(const std::string& table, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"profile", "--config",   "micro.json", "latency.table=" + table,
                                   "--json",  "--work-dir", "run"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }

  json table() const { return read_sealed_json(*this / "run/latency.json"); }
};

}  // namespace

TEST_CASE("a CSV of measured networks as latency.table gives the table that an import makes",
          "[app]") {
  const NetworksBench bench;
  const Outcome imported = bench.run({"latency", "import", "-s", "space.json", "--networks",
                                      "networks.csv", "-o", "imported.json", "--json"});
  const Outcome profiled = bench.profile("networks.csv");
  INFO(imported.err << profiled.err);
  REQUIRE(imported.exit_code == 0);
  REQUIRE(profiled.exit_code == 0);
  CHECK(bench.table() == read_sealed_json(bench / "imported.json"));
  CHECK(json::parse(profiled.out)["held_out"] == json::parse(imported.out)["held_out"]);
  for (const std::string& doubt : lines_of(imported.err)) CHECK(contains(profiled.err, doubt));
  CHECK(contains(profiled.err, "120 rows; a network measured several times counts as the median"));
  CHECK(contains(profiled.err, "the error on the others is"));

  const auto predicted = [&](const char* table) {
    const Outcome outcome = bench.run(
        {"predict", "-s", "space.json", "--arch", "0:1-1:0-2:0", "--json", "--table", table});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return json::parse(outcome.out);
  };
  CHECK(predicted("networks.csv") == predicted("imported.json"));
}

TEST_CASE("a CSV of measured networks is known by its content, and read as predict writes it",
          "[app]") {
  const NetworksBench bench;
  REQUIRE(bench.profile("networks.csv").exit_code == 0);
  const json table = bench.table();
  write_file(bench / "networks", NetworksBench::measured(0.25, "arch,measured_ms"));
  const Outcome other = bench.profile("networks", {"--overwrite"});
  INFO(other.err);
  REQUIRE(other.exit_code == 0);
  CHECK(bench.table() == table);
  CHECK(contains(
      bench.run({"search", "--config", "micro.json", "--dry-run", "latency.table=networks"}).out,
      "latency: batch 1, fitted to the networks in"));
}

TEST_CASE("a changed CSV of measured networks makes the latency table anew, a moved one does not",
          "[app]") {
  const NetworksBench bench;
  REQUIRE(bench.profile("networks.csv").exit_code == 0);
  const json table = bench.table();
  fs::rename(bench / "networks.csv", bench / "moved.csv");
  const Outcome moved = bench.profile("moved.csv", {"--resume"});
  INFO(moved.err);
  CHECK(moved.exit_code == 0);
  CHECK(contains(moved.err, "latency: finished before"));
  CHECK(bench.table() == table);
  write_file(bench / "moved.csv", NetworksBench::measured(0.5));
  const Outcome changed = bench.profile("moved.csv", {"--resume"});
  INFO(changed.err);
  CHECK(changed.exit_code == 0);
  CHECK(contains(changed.err, "latency.table changed"));
  CHECK(bench.table() != table);
}

TEST_CASE("a CSV that a latency table cannot be fitted to is refused before anything is made",
          "[app]") {
  const NetworksBench bench;
  struct Broken {
    std::string csv, sentence;
  };
  for (const Broken& broken :
       {Broken{"arch,ms\n0:0-0:0-0:0,1\n0:0-0:0,2\n", "bad.csv:3: arch"},
        Broken{"arch,ms\n0:0-0:0-0:0,-1\n", "bad.csv:2: ms must be a time > 0, got -1"},
        Broken{"arch,ms\n0:0-0:0-0:0,1\n1:0-0:0-0:0,2\n",
               "bad.csv: 2 networks to fit on are too few"},
        Broken{"arch;ms\n0:0-0:0-0:0;1\n", "bad.csv: is separated by semicolons"},
        Broken{"arch,time\n0:0-0:0-0:0,1\n",
               "bad.csv: has no column 'ms' among arch, time; rename"},
        Broken{"key,ms\nx,1\n", "bad.csv: holds no whole networks but single blocks; make a table"},
        Broken{"", "bad.csv: "}}) {
    CAPTURE(broken.csv);
    write_file(bench / "bad.csv", broken.csv);
    const Outcome outcome = bench.profile("bad.csv");
    INFO(outcome.err);
    CHECK(outcome.exit_code == 3);
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(contains(outcome.err, broken.sentence));
    CHECK_FALSE(fs::exists(bench / "run"));
  }
}
