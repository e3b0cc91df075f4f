#include "codesign/pair_search.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "codesign/design_region.hpp"
#include "hsconas/codesign/methods.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_pair_cost.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// 4 x 3 designs, of which a dataflow that needs clusters of 64 PEs leaves some out.
DesignSpace twelve_designs() {
  return DesignSpace(json::parse(R"({"name": "some", "dataflow": ["ws-x", "ws-kc"],
    "pes": [32, 64, 96, 128], "buffer_bytes": 65536, "noc_words": [1, 2, 3],
    "offchip_bytes": 16})"));
}

struct PairBench {
  SearchSpace space = tiny_space();
  DesignSpace designs = twelve_designs();
  FakeEvaluator evaluator{space};
  FakePairCost costs{space, designs.size(), 1, 0.5};
  AccuracyCache accuracies{space, evaluator};
  std::vector<Architecture> networks;
  std::vector<std::size_t> allowed;
  Limits limits;
  SearchConfig config{.population = 10, .generations = 5, .parents = 4};
  Log log{Verbosity::Quiet, false};
  StopToken stop;

  PairBench() {
    for (std::size_t i = 0; i < designs.size(); i += 2) allowed.push_back(i);
  }

  std::pair<BestPairs, CodesignResult> run(const SearchMethod& method) {
    const CodesignProblem problem{.accuracies = accuracies,
                                  .costs = costs,
                                  .designs = designs,
                                  .limits = limits,
                                  .networks = networks};
    PairArchive archive(problem, 10000);
    Rng rng(1, "test");
    BestPairs pairs =
        search_pairs(archive, allowed, limits, method, config, rng, "test", log, stop);
    return {std::move(pairs), std::move(archive.result)};
  }
};

}  // namespace

TEST_CASE("a region of designs holds those that it was given, by their values on the axes",
          "[codesign]") {
  const PairBench bench;
  REQUIRE(bench.designs.left_out() > 0);
  const DesignRegion region(bench.designs, bench.allowed);
  Rng rng(1, "test");
  std::set<std::size_t> seen;
  int changed = 0;
  for (int i = 0; i < 300; ++i) {
    const Genes genes = region.sample(rng);
    CHECK(region.contains(genes));
    seen.insert(region.design_of(genes));
    CHECK(region.contains(region.mutate(genes, 0.5, rng)));
    const Genes next = region.step(genes, rng);
    CHECK(region.contains(next));
    int axes = 0;
    for (std::size_t axis = 0; axis < genes.size(); ++axis) axes += next[axis] != genes[axis];
    CHECK(axes <= 1);
    changed += axes;
  }
  CHECK(changed > 100);
  CHECK(std::vector(seen.begin(), seen.end()) == bench.allowed);
  const auto outside = bench.designs.coordinates(1);
  CHECK_FALSE(region.contains({outside.begin(), outside.end()}));
  CHECK_FALSE(region.contains({0, 0}));
  CHECK_FALSE(region.contains({9, 0, 0}));
}

TEST_CASE(
    "every search method searches networks and designs together, each pair once and inside "
    "the limits",
    "[codesign]") {
  for (const SearchMethod& method : search_methods()) {
    CAPTURE(method.name);
    PairBench bench;
    bench.limits = {.ms = bench.costs.cost(bench.space.uniform(0), bench.allowed[1]).ms};
    const auto [pairs, result] = bench.run(method);
    CHECK(result.scored.size() == 60);
    std::set<std::pair<std::size_t, std::size_t>> seen;
    for (const Pair& pair : result.scored) {
      CHECK(seen.emplace(pair.network, pair.design).second);
      CHECK(std::count(bench.allowed.begin(), bench.allowed.end(), pair.design) == 1);
      CHECK(bench.limits.meets(pair.cost));
      CHECK(pair.accuracy == bench.evaluator.accuracy_of(result.networks[pair.network]));
    }
    REQUIRE(pairs.best);
    for (const Pair& pair : result.scored) CHECK_FALSE(is_better(pair, *pairs.best));
    CHECK(pairs.front.front().accuracy == pairs.best->accuracy);
  }
}

TEST_CASE("a search over designs alone tries every design", "[codesign]") {
  for (const SearchMethod& method : search_methods()) {
    CAPTURE(method.name);
    PairBench bench;
    bench.networks = {bench.space.canonical(bench.space.uniform(0))};
    const auto [pairs, result] = bench.run(method);
    CHECK(result.scored.size() == bench.allowed.size());
    CHECK(result.counts.networks == 1);
    double least = std::numeric_limits<double>::infinity();
    for (const std::size_t design : bench.allowed) {
      least = std::min(least, bench.costs.cost(bench.networks[0], design).product());
    }
    CHECK(pairs.best->cost.product() == least);
  }
}

TEST_CASE("a search on one design is a search for a network", "[codesign]") {
  for (const SearchMethod& method : search_methods()) {
    CAPTURE(method.name);
    PairBench bench;
    bench.allowed = {3};
    const auto [pairs, result] = bench.run(method);
    CHECK(result.scored.size() == 60);
    CHECK(result.networks.size() == 60);
    CHECK(pairs.best->design == 3);
  }
}

TEST_CASE("pairs outside the limits cost no evaluation, and the nearest of them is known",
          "[codesign]") {
  PairBench bench;
  bench.limits = {.ms = 1e-9};
  const auto [pairs, result] = bench.run(find_search_method("evolution"));
  CHECK_FALSE(pairs.best);
  REQUIRE(pairs.nearest);
  CHECK(pairs.violation == bench.limits.violation(pairs.nearest->cost));
  CHECK(bench.evaluator.asked.empty());
  CHECK(result.counts.networks == 0);
}

TEST_CASE("names of co-design methods are different words, and each has a plan", "[codesign]") {
  std::set<std::string_view> names;
  for (const CodesignMethod& method : codesign_methods()) {
    CHECK(names.insert(method.name).second);
    CHECK(&find_codesign_method(method.name) == &method);
    const char* begin = method.has_start ? "start: " : "penalty: ";
    CHECK(method.plan({}, {}, {.networks = 7, .designs = 3})
              .starts_with(method.run == nullptr ? begin : "pairs: "));
  }
  const CodesignMethod& semi = find_codesign_method("semi_decoupled");
  CHECK(semi.plan({}, {.population = 2, .generations = 1}, {.networks = 0, .designs = 9}) ==
        "pairs: at most 100 + |P| x 9, |P| <= 25\n");
  CHECK(find_codesign_method("coupled").plan({}, {}, {.networks = 7, .designs = 3}) ==
        "pairs: 7 x 3\n");
}
