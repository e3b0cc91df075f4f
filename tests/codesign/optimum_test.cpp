#include "hsconas/codesign/optimum.hpp"

#include <limits>

#include "catch.hpp"
#include "hsconas/score/accuracy_cache.hpp"
#include "pair_bench.hpp"
#include "support/errors.hpp"

using namespace hsconas;

namespace {

std::optional<OptimalPair> optimum_of(PairMethodBench& bench) {
  AccuracyCache accuracies(bench.space, bench.evaluator);
  return optimal_pair({.accuracies = accuracies,
                       .costs = *bench.costs,
                       .designs = bench.designs,
                       .limits = bench.limits,
                       .networks = bench.networks},
                      bench.stop);
}

}  // namespace

TEST_CASE("the optimal pair is the one that trying all pairs finds, under any limits",
          "[codesign]") {
  PairMethodBench bench;
  bench.networks = enumerate(Subspace::full(bench.space));
  for (Architecture& network : bench.networks) network = bench.space.canonical(network);
  for (const double share : {0.02, 0.1, 0.3, 0.6, 1.0}) {
    CAPTURE(share);
    bench.limits = bench.limits_that_some_meet(share);
    const auto optimum = optimum_of(bench);
    if (!optimum) {
      CHECK(contains(error_of([&] { bench.run("coupled"); }), "no pair that was tried meets"));
      continue;
    }
    const CodesignResult all = bench.run("coupled");
    CHECK(optimum->network == all.networks[all.best.network]);
    CHECK(optimum->design == all.best.design);
    CHECK(optimum->accuracy == all.best.accuracy);
    CHECK(optimum->cost.product() == all.best.cost.product());
    CHECK(bench.limits.meets(optimum->cost));
  }
}

TEST_CASE("limits that no pair meets have no optimal pair, and too small an area is an error",
          "[codesign]") {
  PairMethodBench bench;
  bench.networks = enumerate(Subspace::full(bench.space));
  bench.limits.ms = 1e-9;
  CHECK_FALSE(optimum_of(bench));
  bench.limits = {.area_mm2 = 1e-9};
  CHECK(contains(error_of([&] { optimum_of(bench); }), "no design meets codesign.max_area_mm2"));
}

TEST_CASE("all pairs may be tried where networks are known and the pairs are few enough",
          "[codesign]") {
  CodesignConfig config;
  config.exhaustive_pairs = 12;
  CHECK(may_try_all(config, 3, 4));
  CHECK_FALSE(may_try_all(config, 13, 1));
  CHECK_FALSE(may_try_all(config, 0, 4));
  config.exhaustive_pairs = 0;
  CHECK_FALSE(may_try_all(config, 1, 1));
}
