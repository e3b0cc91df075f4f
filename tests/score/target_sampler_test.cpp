#include "hsconas/score/target_sampler.hpp"

#include <limits>
#include <set>
#include <vector>

#include "catch.hpp"
#include "hsconas/score/feasible.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/limits.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

struct SamplerBench {
  explicit SamplerBench(const char* name)
      : space(shipped_space(name)), evaluator(space), latency(space), full(Subspace::full(space)) {
    const LatencyRange range = latency_range(latency, full);
    objective.target_ms = range.fastest_ms + 0.3 * (range.slowest_ms - range.fastest_ms);
  }

  /// Limits slightly above the quantities of `arch`, so that they can be met.
  LimitsConfig around(const Architecture& arch, double slack) const {
    const Cost cost = space.cost(arch);
    return {.max_params = static_cast<double>(cost.parameters()) * slack,
            .max_macs = static_cast<double>(cost.macs) * slack,
            .max_memory_mb = memory_mb(space, arch, 1, 4) * slack};
  }
  Scorer scorer(const LimitsConfig& limits) {
    Scorer made(space, evaluator, latency, objective);
    made.set_limits(limits_of(space, limits));
    return made;
  }

  SearchSpace space;
  FakeEvaluator evaluator;
  FakeLatency latency;
  Subspace full;
  Objective objective{.target_ms = 1.0, .beta = -0.3};
};

}  // namespace

TEST_CASE("sampled networks are inside all limits and near T, and differ", "[score][limits]") {
  for (const char* name : {"hsconas-a", "fbnet", "quickstart-32"}) {
    SamplerBench bench(name);
    Rng rng(1, "test");
    for (const double slack : {1.0, 1.02, 1.2}) {
      CAPTURE(name, slack);
      // A network near T fits by construction.
      const Scorer free_scorer = bench.scorer({});
      const Architecture known = TargetSampler(bench.full, free_scorer, 0.02).sample(rng);
      Scorer scorer = bench.scorer(bench.around(known, slack));
      const TargetSampler sampler(bench.full, scorer, 0.05);
      std::set<Architecture> different;
      for (int i = 0; i < 30; ++i) {
        const Architecture arch = sampler.sample(rng);
        CHECK(scorer.limits().violation(arch) == 0.0);
        CHECK(scorer.gap(arch) <= sampler.tolerance());
        CHECK(sampler.violation(arch) == 0.0);
        different.insert(bench.space.canonical(arch));
      }
      CHECK(different.size() > (slack > 1.0 ? 20 : 1));
    }
  }
}

TEST_CASE("limits far below T widen the tolerance to the networks that remain", "[score][limits]") {
  SamplerBench bench("quickstart-32");
  const Architecture small = bench.space.uniform(bench.space.ops() - 1, 0);
  Scorer scorer =
      bench.scorer({.max_macs = 1.02 * static_cast<double>(bench.space.cost(small).macs)});
  const TargetSampler sampler(bench.full, scorer, 0.05);
  CHECK(sampler.tolerance() > 0.05);
  Rng rng(1, "test");
  for (int i = 0; i < 20; ++i) {
    const Architecture arch = sampler.sample(rng);
    CHECK(scorer.limits().violation(arch) == 0.0);
    CHECK(scorer.latency_ms(arch) < bench.objective.target_ms);
  }
}

TEST_CASE("an infinite tolerance samples inside the limits whatever the latency",
          "[score][limits]") {
  SamplerBench bench("quickstart-32");
  bench.objective.target_ms = 1e-3;
  const double most = 0.5 * static_cast<double>(bench.space.cost(bench.space.uniform(0)).macs);
  Scorer scorer = bench.scorer({.max_macs = most});
  const TargetSampler sampler(bench.full, scorer, std::numeric_limits<double>::infinity());
  Rng rng(1, "test");
  for (int i = 0; i < 50; ++i) {
    CHECK(static_cast<double>(bench.space.cost(sampler.sample(rng)).macs) <= most);
  }
}

TEST_CASE("where nothing is inside, a sampler is refused instead of missing the limits",
          "[score][limits]") {
  SamplerBench bench("quickstart-32");
  Scorer scorer = bench.scorer({.max_params = 10.0});
  CHECK(contains(error_of([&] { TargetSampler(bench.full, scorer, 0.05); }),
                 "infeasible: no architecture meets limits.max_params 10"));
}
