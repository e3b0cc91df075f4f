#include "hsconas/report/comparison.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "support/errors.hpp"
#include "support/example_run.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// Three runs: the second has another population, the third a space with more layers.
const std::vector<RunRecord>& examples() {
  static const std::vector<RunRecord> runs = [] {
    const TemporaryFolder folder;
    Config other = example_config();
    other.search.population = 8;
    std::vector<RunRecord> made;
    for (const auto& [name, config] : {std::pair{"a", example_config()},
                                       {"b", other},
                                       {"c", example_config(tiny_description(4))}}) {
      make_example_run(folder / name, config);
      made.push_back(load_run(folder / name));
      made.back().folder = name;
    }
    return made;
  }();
  return runs;
}

std::vector<RunRecord> first_two() {
  return {examples()[0], examples()[1]};
}

}  // namespace

TEST_CASE("differing settings are found in all sections, except the name", "[report]") {
  auto runs = first_two();
  runs[1].config.name = "other";
  const auto differences = differing_settings(runs);
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].key == "search.population");
  CHECK(differences[0].values == std::vector<std::string>{"6", "8"});
  CHECK(differing_settings({examples()[0], examples()[0]}).empty());
  runs[1].config.shrink.stages.push_back({.layers = 1});
  const auto more = differing_settings(runs);
  CHECK(more.size() == 5);  // The second run has a stage more, with four keys.
  CHECK(more[1].key == "shrink.stages.1.layers");
  CHECK(more[1].values == std::vector<std::string>{"", "1"});
}

TEST_CASE("runs are compared in a terminal", "[report]") {
  const std::string text = comparison_text(examples());
  CHECK(contains(text, "search.population"));
  CHECK(contains(text, "space.stages.0.layers"));
  CHECK(contains(text, "All latencies: cpu: <fake> & co, batch 1."));
  CHECK(contains(comparison_text({examples()[0], examples()[0]}), "All settings are the same."));
  auto runs = first_two();
  runs[1].result->device = "gpu";
  CHECK(contains(comparison_text(runs), "different targets and cannot be compared"));
}

TEST_CASE("runs are compared as JSON", "[report]") {
  const json object = comparison_json(examples());
  REQUIRE(object["runs"].size() == 3);
  CHECK(object["runs"][1]["folder"] == "b");
  CHECK(object["runs"][1]["winner"]["arch"] == examples()[1].result->winner.arch);
  CHECK(object["runs"][0]["evaluations"] == examples()[0].candidates.size());
  CHECK(object["differences"]["search.population"] == json{6, 8, 6});
}

TEST_CASE("runs are compared on one page with all fronts in one plot", "[report]") {
  auto runs = examples();
  runs[0].folder = "<script>";
  const std::string page = comparison_page(runs);
  CHECK(contains(page, "3 runs compared"));
  CHECK_FALSE(contains(page, "<td><script>"));
  CHECK(contains(page, "<td>&lt;script&gt;</td>"));
  for (const char* name : {">&lt;script&gt;</text>", ">b</text>", ">c</text>"}) {
    CHECK(contains(page, name));
  }
  CHECK(contains(page, runs[2].result->winner.layers));
  CHECK(contains(page, "<td>search.population</td>"));
  CHECK(contains(page, "predicted latency, ms per batch"));
}
