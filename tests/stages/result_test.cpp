#include "hsconas/stages/result.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// Two layers of one operator at ten widths: log10 of any size is exact.
SpaceDescription two_layers() {
  SpaceDescription space = tiny_description(2);
  space.operators = {"shuffle_k3"};
  space.widths = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0};
  return space;
}

/// A made-up result in which every field differs from its default; all numbers are exact.
ResultRecord example_result() {
  const SearchSpace space(two_layers());
  Subspace shrunk = Subspace::full(space);
  shrunk.widths[1] = {9};
  LatencyTable table;
  table.error_percent = 25.0;
  const Candidate best{
      .arch = {{0, 4}, {0, 9}}, .accuracy = 0.75, .latency_ms = 2.5, .score = 0.625};
  const Candidate small{
      .arch = {{0, 0}, {0, 0}}, .accuracy = 0.5, .latency_ms = 1.0, .score = 0.25};
  ResultRecord result{.name = "example",
                      .seed = 7,
                      .space = space.description().name,
                      .log10_space = Subspace::full(space).log10_size(),
                      .log10_shrunk_space = shrunk.log10_size(),
                      .target_ms = 2.0,
                      .beta = -0.25,
                      .device = describe({.device = "cpu: example", .threads = 1, .batch = 4}),
                      .batch = 4,
                      .winner = compared("winner", best, space, table),
                      .test_accuracy = 0.6875,
                      .others = {compared("smallest", small, space, table)},
                      .random = {scored(small, space), scored(best, space)},
                      .random_median = 0.5625,
                      .weights = {{"supernet", "0123456789abcdef"}},
                      .method = "evolution",
                      .evaluations = 2,
                      .history = {{1, 0.25, 0.25}, {2, 0.625, 0.4375}}};
  result.winner.measured_ms = 2.25;
  result.others[0].measured_ms = 1.5;
  return result;
}

std::int64_t macs_of(const SearchSpace& space, const Architecture& arch) {
  return space.cost(arch).macs;
}

}  // namespace

TEST_CASE("a result is written exactly as its golden file", "[result]") {
  const TemporaryFolder folder;
  write_json(folder / "result.json", to_json(example_result()));
  CHECK(read_file(folder / "result.json") ==
        read_file(source_folder() / "tests" / "golden" / "result.json"));
}

TEST_CASE("a result is read back as it was written", "[result]") {
  const json written = to_json(example_result());
  CHECK(to_json(read_result(written, "result.json")) == written);
}

TEST_CASE("a result under limits shows them beside each network's values, and reads back",
          "[result][limits]") {
  ResultRecord result = example_result();
  CHECK_FALSE(to_json(result).contains("limits"));
  CHECK_FALSE(to_json(result).at("winner").contains("limited"));
  const SearchSpace space(two_layers());
  add_limits(result, space, {});
  CHECK(result.limits.empty());
  const auto parameters = static_cast<double>(result.winner.parameters);
  add_limits(result, space,
             NetworkLimits(space, {.max_params = parameters - 1.0, .max_memory_mb = 9.0}, 4, {}));
  REQUIRE(result.winner.limited.size() == 2);
  CHECK(result.winner.limited[0] == parameters);
  const json written = to_json(result);
  CHECK(to_json(read_result(written, "result.json")) == written);
  const std::string text = format_result(result);
  CHECK(contains(text, "memory, batch 4"));
  CHECK(contains(text, "at most "));
  CHECK(contains(text, " !"));  // The winner has one parameter too many.
  json broken = written;
  broken["winner"]["limited"] = {1.0};
  CHECK(contains(error_of([&] { read_result(broken, "result.json"); }),
                 "limits are 2, but the winner has 1"));
}

TEST_CASE("a result for people compares the winner with the others and ends with its string",
          "[result]") {
  CHECK(format_result(example_result()) == R"(
T = 2.000 ms per batch of 4 on cpu: example

          accuracy       F  predicted ms     vs T  measured ms  vs predicted  MACs (M)  params (M)
--------------------------------------------------------------------------------------------------
winner     75.00 %  0.6250         2.500  +25.0 %        2.250       -10.0 %      0.36       0.005
smallest   50.00 %  0.2500         1.000  -50.0 %        1.500       +50.0 %      0.28       0.004

Accuracies are on held-out training images, with shared weights. 2 random architectures
within 10 % of T have a median accuracy of 56.25 %. On the test set, the winner has 68.75 %.

Latency model: for 90 % of networks the prediction is within 25.0 %; for the winner that is
2.500 +- 0.625 ms.
T lies inside that error bar, so the winner may exceed the budget.

winner: 0:4-0:9
  shuffle_k3 x0.5, shuffle_k3 x1
)");
}

TEST_CASE("a result without measured times has no columns for them and says so", "[result]") {
  ResultRecord result = example_result();
  result.winner.measured_ms.reset();
  for (ComparedArchitecture& other : result.others) other.measured_ms.reset();
  const std::string text = format_result(result);
  CHECK(text.find("measured") == std::string::npos);
  CHECK(text.find("vs predicted") == std::string::npos);
  CHECK(text.find("nothing was timed here") != std::string::npos);
  CHECK(text.find("2.500  +25.0 %") != std::string::npos);
}

TEST_CASE("a result with a front says where it begins and ends", "[result]") {
  ResultRecord result = example_result();
  CHECK(format_result(result).find("front") == std::string::npos);
  result.front = {{.arch = "a", .accuracy = 0.25, .latency_ms = 1.5},
                  {.arch = "b", .accuracy = 0.5, .latency_ms = 2.5}};
  CHECK(format_result(result).find("2 architectures form the front of accuracy and latency, from "
                                   "1.5 ms (25.00 %) to\n2.5 ms (50.00 %)") != std::string::npos);
}

TEST_CASE("a result warns of the target only inside the winner's error bar, if there is one",
          "[result]") {
  ResultRecord outside = example_result();
  outside.target_ms = 1.5;
  CHECK(format_result(outside).find("+- 0.625 ms") != std::string::npos);
  CHECK(format_result(outside).find("error bar") == std::string::npos);
  ResultRecord unknown = example_result();
  unknown.winner.error_ms = 0.0;
  CHECK(format_result(unknown).find("Latency model") == std::string::npos);
}

TEST_CASE("the smallest and the largest architecture are those of a full enumeration", "[result]") {
  SpaceDescription one_operator = two_layers();
  SpaceDescription strided = tiny_description(3);
  strided.stages = {{.layers = 2, .channels = 24, .stride = 1},
                    {.layers = 1, .channels = 32, .stride = 2}};
  for (const auto& description : {tiny_description(3), one_operator, strided}) {
    const SearchSpace space(description);
    const auto all = enumerate(Subspace::full(space));
    const auto [least, most] = std::minmax_element(
        all.begin(), all.end(), [&](const Architecture& a, const Architecture& b) {
          return macs_of(space, a) < macs_of(space, b);
        });
    CHECK(macs_of(space, smallest(space)) == macs_of(space, *least));
    CHECK(macs_of(space, largest(space)) == macs_of(space, *most));
    CHECK(macs_of(space, *least) < macs_of(space, *most));
    for (const auto& arch : {smallest(space), largest(space)}) {
      CHECK(space.canonical(arch) == arch);
    }
  }
}

TEST_CASE("a collapsed search by gradient says so in a sentence", "[result]") {
  ResultRecord result = example_result();
  CHECK(format_result(result).find("collapsed") == std::string::npos);
  result.method = "bilevel";
  result.is_collapsed = true;
  CHECK(format_result(result).find("bilevel has collapsed: its last most probable network skips "
                                   "every layer that can be skipped.\n") != std::string::npos);
}
