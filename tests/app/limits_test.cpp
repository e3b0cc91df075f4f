// Searches under limits beside T: plans, refusals, results, and runs that are killed and continued.
#include "hsconas/score/limits.hpp"

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/program.hpp"
#include "catch.hpp"
#include "hsconas/space/search_space.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

SearchSpace micro_space() {
  return SearchSpace(read_space(micro_config().at("space")));
}

/// Limits that some networks of the micro space keep to, and not all.
std::vector<std::string> some_limits() {
  const SearchSpace space = micro_space();
  const Cost least = space.cost(space.uniform(2));
  const Cost most = space.cost(space.uniform(0));
  const std::string table = finished_run().file("latency.json").string();
  const double slowest_ms = read_json(finished_run().file("result.json"))
                                .at("others")
                                .at(2)
                                .at("predicted_ms")
                                .get<double>();
  return {finished_run().table_override(),
          fmt::format("limits.max_params={}", (least.parameters() + 2 * most.parameters()) / 3),
          "limits.max_memory_mb=0.1", "limits.tables.other.table=" + table,
          fmt::format("limits.tables.other.max_ms={}", slowest_ms)};
}

std::vector<std::string> with(std::vector<std::string> words, const std::string& more) {
  words.push_back(more);
  return words;
}

}  // namespace

TEST_CASE("--dry-run and doctor show the limits and whether they can be met", "[app]") {
  const Bench bench;
  for (std::vector<std::string> words :
       {std::vector<std::string>{"search", "micro.json", "--dry-run"},
        std::vector<std::string>{"doctor", "micro.json"}}) {
    for (const std::string& limit : some_limits()) words.push_back(limit);
    const Outcome outcome = bench.run(words);
    INFO(outcome.err << outcome.out);
    CHECK(outcome.exit_code == 0);
    CHECK(contains(outcome.out, "limit: parameters at most "));
    CHECK(contains(outcome.out, "limit: memory, batch 1 at most 0.1 MB ("));
    CHECK(contains(outcome.out, "limit: latency on other at most "));
    CHECK(contains(outcome.out, "can be met beside them, for example in "));
  }
  // A table that is measured is not known yet.
  const Outcome measured =
      bench.run({"search", "micro.json", "--dry-run", "limits.max_params=1e6"});
  CHECK(contains(measured.out, "whether T can be met beside them is known after measuring"));
  CHECK_FALSE(contains(bench.run({"search", "micro.json", "--dry-run"}).out, "limit"));
}

TEST_CASE("limits that no network meets are refused at the start, with the ones that are met",
          "[app]") {
  const Bench bench;
  for (const std::string& command : {std::string("search"), std::string("doctor")}) {
    std::vector<std::string> words{command, "micro.json", "limits.max_params=10"};
    if (command == "search") words.emplace_back("--dry-run");
    const Outcome outcome = bench.run(words);
    CHECK(outcome.exit_code == 4);
    CHECK(contains(outcome.err + outcome.out,
                   "no architecture meets limits.max_params 10: raise limits.max_params to at "
                   "least "));
  }
  const Outcome search = bench.run(Bench::search("run", {"limits.max_params=10"}));
  CHECK(search.exit_code == 4);
  CHECK_FALSE(fs::exists(bench / "run"));
  const SearchSpace space = micro_space();
  const auto fewest = space.cost(space.uniform(2)).parameters();
  const Outcome both = bench.run(Bench::search(
      "run", {finished_run().table_override(), fmt::format("limits.max_params={}", fewest),
              "limits.max_memory_mb=0.001"}));
  CHECK(both.exit_code == 4);
  CHECK(contains(both.err, "limits.max_memory_mb 0.001"));
}

TEST_CASE("a search keeps to its limits, reports them, and continues after a kill", "[app]") {
  const Bench bench;
  const Outcome outcome = bench.run(Bench::search("whole", some_limits()));
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(contains(outcome.out, "latency on other"));
  const json result = read_json(bench / "whole/result.json");
  REQUIRE(result.at("limits").size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const double bound = result["limits"][i]["at_most"];
    CHECK(result["winner"]["limited"][i].get<double>() <= bound);
    CHECK(result["others"][0]["limited"][i].get<double>() <= bound);  // The best random network.
  }
  const SearchSpace space = micro_space();
  const Architecture winner = space.decode(result["winner"]["arch"].get<std::string>());
  CHECK(result["winner"]["limited"][0] == space.cost(winner).parameters());
  CHECK(result["winner"]["limited"][1].get<double>() == Approx(memory_mb(space, winner, 1, 4)));
  CHECK(result["winner"]["limited"][2].get<double>() ==
        Approx(result["winner"]["predicted_ms"].get<double>()));
  CHECK(contains(read_file(bench / "whole/report.html"), "keep to these limits beside T"));

  Process killed = bench.start(Bench::search("killed", some_limits()));
  killed.wait_for("search: evolution");
  killed.send(SIGKILL);
  killed.wait();
  const Outcome continued = bench.run(with(Bench::search("killed", some_limits()), "--resume"));
  INFO(continued.err);
  REQUIRE(continued.exit_code == 0);
  CHECK(result_of(bench / "killed") == result_of(bench / "whole"));

  const auto changed =
      with(with(Bench::search("whole", some_limits()), "--resume"), "limits.max_memory_mb=0.2");
  const Outcome refused = bench.run(changed);
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "limits.max_memory_mb changed from 0.1 to 0.2"));
  const Outcome allowed = bench.run(with(changed, "--allow-changes"));
  CHECK(allowed.exit_code == 0);
  CHECK_FALSE(contains(allowed.err, "supernet: 12 steps"));
}

TEST_CASE("predict prints the memory of networks, and a co-design takes no limits", "[app]") {
  const Bench bench;
  const SearchSpace space = micro_space();
  const Architecture arch = space.uniform(0);
  const Outcome predicted =
      bench.run({"--json", "predict", "--config", "micro.json", "--arch", space.encode(arch),
                 "--table", finished_run().file("latency.json").string()});
  INFO(predicted.err);
  REQUIRE(predicted.exit_code == 0);
  const json row = json::parse(predicted.out).at("architectures").at(0);
  CHECK(row.at("memory_mb").get<double>() == Approx(memory_mb(space, arch, 1, 4)));
  const Outcome codesign =
      bench.run({"codesign", "--config", "codesign", "--dry-run", "limits.max_params=1e6"});
  CHECK(codesign.exit_code == 2);
  CHECK(contains(codesign.err, "the section limits has no effect on a co-design"));
}
