#include <limits>

#include "catch.hpp"
#include "pair_bench.hpp"

using namespace hsconas;

namespace {

/// Costs of a model, infinite on the half of the designs with more PEs.
class LargeForbidden : public PairCostModel {
 public:
  explicit LargeForbidden(const PairCostModel& costs, const DesignSpace& designs)
      : costs_(costs), designs_(designs) {}
  std::size_t designs() const override { return costs_.designs(); }
  PairCost cost(const Architecture& arch, std::size_t design) const override {
    // The second axis is "pes": its two larger values are forbidden.
    if (designs_.coordinates(design)[1] < 2) return costs_.cost(arch, design);
    return {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  }

 private:
  const PairCostModel& costs_;
  const DesignSpace& designs_;
};

double invalid_share(const PairMethodBench& bench, const CodesignResult& result,
                     std::size_t first) {
  std::size_t count = 0;
  for (std::size_t i = first; i < result.scored.size(); ++i) {
    count += bench.limits.meets(result.scored[i].cost) ? 0 : 1;
  }
  return static_cast<double>(count) / static_cast<double>(result.scored.size() - first);
}

}  // namespace

TEST_CASE("with exact costs, every network that is tried stands with its best design",
          "[codesign]") {
  PairMethodBench bench;
  bench.limits = bench.limits_that_some_meet(0.4);
  const CodesignResult result = bench.run("bayesian");
  REQUIRE(result.scored.size() > 20);
  for (const Pair& pair : result.scored) {
    REQUIRE(bench.limits.meets(pair.cost));
    for (std::size_t design = 0; design < bench.designs.size(); ++design) {
      const PairCost cost = bench.costs->cost(result.networks[pair.network], design);
      CHECK_FALSE((bench.limits.meets(cost) && cost.product() < pair.cost.product()));
    }
  }
}

TEST_CASE("a model of what is forbidden keeps later trials away from it", "[codesign]") {
  double modelled = 0.0;
  double unchecked = 0.0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    PairMethodBench bench;
    const LargeForbidden costs(bench.fake_costs, bench.designs);
    bench.costs = &costs;
    bench.search.seed = seed;
    bench.search.generations = 7;
    bench.config.cost_knowledge = CostKnowledge::Learned;
    modelled += invalid_share(bench, bench.run("bayesian"), 30) / 3.0;
    bench.config.cost_knowledge = CostKnowledge::Unchecked;
    unchecked += invalid_share(bench, bench.run("bayesian"), 30) / 3.0;
  }
  CAPTURE(modelled, unchecked);
  CHECK(modelled < 0.25);
  CHECK(unchecked > 0.4);
}

TEST_CASE("with one network, learned costs lead to the least energy x delay in few trials",
          "[codesign]") {
  PairMethodBench bench;
  bench.designs =
      DesignSpace(nlohmann::json::parse(R"({"name": "some", "dataflow": ["ws-x", "rs-yr"],
    "pes": [16, 32, 64, 128, 256, 512], "buffer_bytes": [16384, 32768,
    65536, 131072], "noc_words": [1, 2, 4, 8, 16], "offchip_bytes": [2, 4, 8, 16, 32]})"));
  const CostTable costs(bench.space, bench.designs.designs());
  bench.costs = &costs;
  bench.networks = {bench.space.canonical(bench.space.uniform(0))};
  bench.search.generations = 4;
  bench.config.cost_knowledge = CostKnowledge::Learned;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t design = 0; design < bench.designs.size(); ++design) {
    least = std::min(least, costs.cost(bench.networks[0], design).product());
  }
  const CodesignResult result = bench.run("bayesian");
  CHECK(result.scored.size() == 50);
  CHECK(result.best.cost.product() <= 1.01 * least);
}

TEST_CASE("a search of which nothing is left ends before its trials are used up", "[codesign]") {
  PairMethodBench bench;
  bench.networks = {bench.space.canonical(bench.space.uniform(0))};
  for (const CostKnowledge knowledge : {CostKnowledge::Learned, CostKnowledge::Unchecked}) {
    bench.config.cost_knowledge = knowledge;
    const CodesignResult result = bench.run("bayesian");
    CHECK(result.scored.size() == bench.designs.size());
  }
}
