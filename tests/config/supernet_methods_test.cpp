#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/groups.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// The settings `more` (a merge patch) beside supernet.method, as an error or "nothing".
std::string refusal(const char* method, const char* more) {
  json source = {{"space", to_json(tiny_description(2))},
                 {"supernet", {{"method", method}}},
                 {"shrink", {{"stages", json::array()}}}};
  source.merge_patch(json::parse(more));
  return error_of([&] { read_config(source); });
}

}  // namespace

TEST_CASE("supernet.method takes the methods of a search by gradient and their keys", "[config]") {
  for (const char* method : {"single_path", "mixed_level", "bilevel", "single_level"}) {
    CHECK(refusal(method, "{}") == "nothing");
  }
  CHECK(contains(refusal("darts", "{}"), "supernet.method"));
  const char* keys = R"({"supernet": {"gradient": {"choice_lr": 0.01, "latency_weight": 0.5,
      "stop_below_target": true, "readings": 4}},
      "search": {"latency_tolerance": 0.2, "baseline_samples": 5}})";
  CHECK(refusal("mixed_level", keys) == "nothing");
  CHECK(refusal("bilevel", keys) == "nothing");
  CHECK(refusal("mixed_level", R"({"supernet": {"gradient": {"held_out_weight": 0}}})") ==
        "nothing");
}

TEST_CASE(
    "a search by gradient accepts the defaults of earlier programs, which its config.json has",
    "[config]") {
  const char* earlier = R"({"search": {"population": 50, "generations": 20, "parents": 10}})";
  CHECK(refusal("mixed_level", earlier) == "nothing");
  CHECK(contains(refusal("mixed_level", R"({"search": {"population": 50}})"), "search.population"));
}

TEST_CASE("settings without effect on a search by gradient are refused", "[config]") {
  CHECK(refusal("single_path", R"({"supernet": {"gradient": {"choice_lr": 0.01}}})") ==
        "usage: supernet.gradient.choice_lr has no effect with supernet.method single_path: leave "
        "it out, or set supernet.method=mixed_level");
  CHECK(refusal("bilevel", R"({"supernet": {"gradient": {"held_out_weight": 2}}})") ==
        "usage: supernet.gradient.held_out_weight has no effect with supernet.method bilevel: "
        "leave it out, or set supernet.method=mixed_level");
  CHECK(refusal("mixed_level", R"({"search": {"population": 30}})") ==
        "usage: search.population has no effect with supernet.method mixed_level, which chooses "
        "among the networks that its training reads off: leave it out");
  CHECK(contains(refusal("mixed_level", R"({"search": {"method": "nsga2"}})"), "search.method"));
  CHECK(contains(refusal("mixed_level", R"({"shrink": {"stages": [{"layers": 1}]}})"),
                 "shrink.stages have no effect"));
  CHECK(contains(refusal("mixed_level", R"({"limits": {"max_macs": 1e6}})"), "section limits"));
  CHECK(contains(refusal("mixed_level", R"({"score": {"accuracies": "a.csv"}})"),
                 "leave score.accuracies empty"));
  CHECK(refusal("bilevel", R"({"supernet": {"paths": "fair"}})") ==
        "usage: supernet.paths fair has no effect with supernet.method bilevel, which draws its "
        "paths itself: leave it at uniform");
  CHECK(refusal("single_path", R"({"supernet": {"paths": "fair"}})") == "nothing");
  CHECK(contains(refusal("mixed_level", R"({"targets": {"phone": {}}})"), "for one target"));
}

TEST_CASE("a search by gradient is refused to several processes", "[config]") {
  SupernetStageConfig supernet;
  CHECK(error_of([&] { check_one_process(supernet, 3); }) == "nothing");
  supernet.method = "mixed_level";
  CHECK(error_of([&] { check_one_process(supernet, 1); }) == "nothing");
  CHECK(error_of([&] { check_one_process(supernet, 3); }) ==
        "usage: supernet.method mixed_level works with one process, but 3 were started: start one, "
        "or set supernet.method=single_path");
}
