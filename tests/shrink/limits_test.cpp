#include "support/limits.hpp"

#include <algorithm>
#include <limits>

#include "catch.hpp"
#include "hsconas/score/feasible.hpp"
#include "hsconas/score/target_sampler.hpp"
#include "hsconas/shrink/locality.hpp"
#include "hsconas/shrink/progressive.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// fashion-28 with fakes, in which the widest operators are the most accurate.
struct ShrinkBench {
  SearchSpace space = shipped_space("fashion-28");
  FakeEvaluator evaluator{space};
  FakeLatency latency{space};
  Objective objective{.target_ms = 1.0, .beta = -1e-6};  // Accuracy alone decides.
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  Subspace subspace = Subspace::full(space);

  Scorer scorer(const LimitsConfig& limits) {
    objective.target_ms = latency_range(latency, subspace).slowest_ms;
    Scorer made(space, evaluator, latency, objective);
    made.set_limits(limits_of(space, limits));
    return made;
  }
};

}  // namespace

TEST_CASE("shrinking all layers leaves networks inside the limits, however tight they are",
          "[shrink][limits]") {
  for (const double slack : {1.0, 1.05, 1.5}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      CAPTURE(slack, seed);
      ShrinkBench bench;
      // A random network is the tightest that fits.
      Rng rng(seed, "network");
      const Architecture arch = sample(bench.subspace, rng);
      const Cost cost = bench.space.cost(arch);
      Scorer scorer = bench.scorer({.max_params = slack * static_cast<double>(cost.parameters()),
                                    .max_macs = slack * static_cast<double>(cost.macs),
                                    .max_memory_mb = slack * memory_mb(bench.space, arch, 1, 4)});
      const int layers = bench.space.layers();
      const auto decisions =
          shrink_layers(bench.subspace, layers - 1, layers, 5, scorer, seed, bench.log, bench.stop);
      CHECK(static_cast<int>(decisions.size()) == layers);
      const Architecture left = find_feasible(bench.subspace, scorer);
      REQUIRE_FALSE(left.empty());
      CHECK(bench.subspace.contains(left));
      CHECK(scorer.limits().violation(left) == 0.0);
    }
  }
}

TEST_CASE("an operator with which no network keeps to the limits is not kept", "[shrink][limits]") {
  ShrinkBench bench;
  const int last = bench.space.layers() - 1;
  // The best operator of the last layer has more parameters than all limits allow.
  bench.evaluator.plant(last, 2);
  Subspace with_best = bench.subspace;
  with_best.ops[static_cast<std::size_t>(last)] = {2};
  const auto params = [&](const Architecture& arch) {
    return static_cast<double>(bench.space.cost(arch).parameters());
  };
  const double fewest = params(with_best.extremes(params).least);
  for (const bool allows_it : {false, true}) {
    CAPTURE(allows_it);
    bench.subspace = Subspace::full(bench.space);
    Scorer scorer = bench.scorer({.max_params = allows_it ? fewest : fewest - 1.0});
    const auto decisions =
        shrink_layers(bench.subspace, last, 1, 10, scorer, 1, bench.log, bench.stop);
    const auto& operators = decisions.front().operators;
    const auto best = std::find_if(operators.begin(), operators.end(),
                                   [](const OperatorQuality& op) { return op.op == 2; });
    CHECK(best->within_budget == allows_it);
    if (!allows_it) CHECK(decisions.front().kept != 2);
  }
}

TEST_CASE("samples of shrinking keep to the limits except for the operator that is tried",
          "[shrink][limits]") {
  ShrinkBench bench;
  const double most = 0.5 * static_cast<double>(bench.space.cost(bench.space.uniform(0)).macs);
  Scorer scorer = bench.scorer({.max_macs = most});
  const int last = bench.space.layers() - 1;
  shrink_layers(bench.subspace, last, 1, 10, scorer, 1, bench.log, bench.stop);
  double largest_layer = 0.0;
  for (int op = 0; op < bench.space.ops(); ++op) {
    largest_layer = std::max(largest_layer,
                             static_cast<double>(cost_of(bench.space.widest_block(last, op)).macs));
  }
  REQUIRE_FALSE(bench.evaluator.asked.empty());
  for (const Architecture& arch : bench.evaluator.asked) {
    CHECK(static_cast<double>(bench.space.cost(arch).macs) <= most + largest_layer);
  }
}

TEST_CASE("shrinking by locality scores networks inside the limits and leaves some",
          "[shrink][limits]") {
  ShrinkBench bench;
  const double most = 0.5 * static_cast<double>(bench.space.cost(bench.space.uniform(0)).macs);
  Scorer scorer = bench.scorer({.max_macs = most});
  const ShrunkRegion shrunk = shrink_to_balls(
      bench.subspace,
      {.samples = 20, .seeds = 3, .radius = 2, .rounds = 3, .latency_tolerance = 0.5}, scorer, 1, 0,
      bench.log, bench.stop);
  CHECK(bench.evaluator.asked.size() >= 20);
  for (const Architecture& arch : bench.evaluator.asked) {
    CHECK(static_cast<double>(bench.space.cost(arch).macs) <= most);
  }
  const Architecture left = find_feasible(*shrunk.region, scorer);
  REQUIRE_FALSE(left.empty());
  CHECK(scorer.limits().violation(left) == 0.0);
}
