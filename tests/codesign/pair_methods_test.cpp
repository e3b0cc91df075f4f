// Properties that two_level, multi_phase and bayesian share.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/codesign/methods.hpp"
#include "pair_bench.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// Pairs that a search of these tests tries at most.
constexpr int kTried = 30;

/// Every variant of the methods that takes other decisions.
struct Variant {
  const char* method;
  void (*change)(PairMethodBench& bench);
};

const Variant kVariants[] = {
    {"two_level", [](PairMethodBench&) {}},
    {"two_level", [](PairMethodBench& bench) { bench.config.fast_tries = 0; }},
    {"two_level", [](PairMethodBench& bench) { bench.search.controller = Controller::Recurrent; }},
    {"multi_phase", [](PairMethodBench&) {}},
    {"multi_phase",
     [](PairMethodBench& bench) { bench.search.controller = Controller::Recurrent; }},
    {"bayesian", [](PairMethodBench&) {}},
    {"bayesian",
     [](PairMethodBench& bench) { bench.config.cost_knowledge = CostKnowledge::Learned; }},
    {"bayesian",
     [](PairMethodBench& bench) { bench.config.cost_knowledge = CostKnowledge::Unchecked; }}};

}  // namespace

TEST_CASE("a co-design search that is stopped and continued asks for the same accuracies in order",
          "[codesign]") {
  for (const Variant& variant : kVariants) {
    CAPTURE(variant.method, &variant - kVariants);
    const TemporaryFolder folder;
    PairMethodBench whole;
    whole.limits = whole.limits_that_some_meet(0.6);
    variant.change(whole);
    whole.search.generations = kTried / whole.search.population - 1;
    const CodesignResult expected = whole.run(variant.method, folder / "whole.csv");
    REQUIRE(whole.evaluator.asked.size() > 10);
    for (const int stop_after : {1, 9}) {
      const auto csv = folder / fmt::format("part-{}.csv", stop_after);
      PairMethodBench part;
      part.limits = whole.limits;
      variant.change(part);
      part.search = whole.search;
      part.evaluator.interrupt_at = stop_after;
      CHECK(error_of([&] { part.run(variant.method, csv); }).starts_with("interrupted: "));
      const auto before = part.evaluator.asked.size();
      CHECK(before < whole.evaluator.asked.size());
      part.evaluator.interrupt_at = -1;
      const CodesignResult continued = part.run(variant.method, csv);
      CHECK(read_file(csv) == read_file(folder / "whole.csv"));
      CHECK(part.evaluator.asked == whole.evaluator.asked);
      CHECK(continued.networks == expected.networks);
      CHECK(continued.counts.pairs == expected.counts.pairs);
      CHECK(continued.best.network == expected.best.network);
      CHECK(continued.best.design == expected.best.design);
      REQUIRE(continued.scored.size() == expected.scored.size());
      for (std::size_t i = 0; i < expected.scored.size(); ++i) {
        CHECK(continued.scored[i].network == expected.scored[i].network);
        CHECK(continued.scored[i].design == expected.scored[i].design);
      }
    }
  }
}

TEST_CASE("these methods try no pair twice and ask for accuracies inside the limits only",
          "[codesign]") {
  for (const Variant& variant : kVariants) {
    CAPTURE(variant.method, &variant - kVariants);
    PairMethodBench bench;
    bench.limits = bench.limits_that_some_meet(0.5);
    variant.change(bench);
    bench.search.generations = kTried / bench.search.population - 1;
    const CodesignResult result = bench.run(variant.method);
    std::set<std::pair<std::size_t, std::size_t>> seen;
    for (const Pair& pair : result.scored) {
      CHECK(seen.emplace(pair.network, pair.design).second);
      if (bench.limits.meets(pair.cost)) {
        CHECK(pair.accuracy == bench.evaluator.accuracy_of(result.networks[pair.network]));
      }
      CHECK(pair.cost.ms == bench.costs->cost(result.networks[pair.network], pair.design).ms);
    }
    CHECK(bench.limits.meets(result.best.cost));
    CHECK(std::ssize(bench.evaluator.asked) == result.counts.networks);
    CHECK(result.counts.networks <= kTried);
    if (bench.config.fast_tries == 0) continue;
    for (const Architecture& asked : bench.evaluator.asked) {
      CHECK(std::any_of(result.scored.begin(), result.scored.end(), [&](const Pair& pair) {
        return result.networks[pair.network] == asked && bench.limits.meets(pair.cost);
      }));
    }
  }
}

TEST_CASE("these methods find the best network of a small space, on its cheapest design",
          "[codesign]") {
  for (const char* method : kPairMethods) {
    CAPTURE(method);
    PairMethodBench bench;
    bench.limits = bench.limits_that_some_meet(0.6);
    bench.search.generations = 19;
    const CodesignResult result = bench.run(method);
    CHECK(result.best.accuracy == bench.optimum());
    const Architecture& network = result.networks[result.best.network];
    for (std::size_t design = 0; design < bench.designs.size(); ++design) {
      const PairCost cost = bench.costs->cost(network, design);
      CHECK_FALSE((bench.limits.meets(cost) && cost.product() < result.best.cost.product()));
    }
  }
}

TEST_CASE("these methods choose among listed networks and no others", "[codesign]") {
  for (const Variant& variant : kVariants) {
    CAPTURE(variant.method, &variant - kVariants);
    PairMethodBench bench;
    variant.change(bench);
    bench.search.generations = kTried / bench.search.population - 1;
    const auto all = enumerate(Subspace::full(bench.space));
    for (std::size_t i = 0; i < all.size(); i += 17) {
      const Architecture network = bench.space.canonical(all[i]);
      if (std::count(bench.networks.begin(), bench.networks.end(), network) == 0) {
        bench.networks.push_back(network);
      }
    }
    const CodesignResult result = bench.run(variant.method);
    for (const Architecture& network : result.networks) {
      CHECK(std::count(bench.networks.begin(), bench.networks.end(), network) == 1);
    }
    CHECK(result.counts.networks <= std::ssize(bench.networks));
  }
}

TEST_CASE("the new methods say which limits no pair meets, and name the nearest pair",
          "[codesign]") {
  for (const Variant& variant : kVariants) {
    CAPTURE(variant.method, &variant - kVariants);
    PairMethodBench bench;
    variant.change(bench);
    bench.search.generations = kTried / bench.search.population - 1;
    bench.limits = {.ms = 1e-9};
    const std::string error = error_of([&] { bench.run(variant.method); });
    CAPTURE(error);
    CHECK(error.starts_with(fmt::format("infeasible: {}: ", variant.method)));
    CHECK(contains(error, "latency <= 1e-09 ms"));
    CHECK(contains(error, "the nearest is network "));
    if (bench.config.fast_tries > 0) CHECK(bench.evaluator.asked.empty());
  }
}
