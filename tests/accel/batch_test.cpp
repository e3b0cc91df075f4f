#include "hsconas/accel/batch.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "accel/random_designs.hpp"
#include "catch.hpp"
#include "hsconas/accel/cost.hpp"
#include "hsconas/base/error.hpp"

using namespace hsconas;
using namespace hsconas::test;

namespace {

std::vector<Accelerator> random_designs(std::size_t count, Rng& rng) {
  std::vector<Accelerator> designs;
  while (designs.size() < count) designs.push_back(random_design(rng));
  return designs;
}

}  // namespace

TEST_CASE("a batch gives bit for bit the costs of the scalar model", "[accel]") {
  Rng rng(5, "batch-test");
  const auto designs = random_designs(203, rng);
  const DesignBatch batch(designs);
  REQUIRE(batch.size() == 203);
  std::vector<double> cycles(batch.size());
  std::vector<double> energy(batch.size());
  int different = 0;
  int infeasible = 0;
  for (int i = 0; i < 100; ++i) {
    const Layer layer = random_layer(rng);
    batch.cost_of(layer, cycles, energy);
    for (std::size_t d = 0; d < designs.size(); ++d) {
      double expected_cycles = std::numeric_limits<double>::infinity();
      double expected_energy = expected_cycles;
      try {
        const LayerCost cost = cost_of(layer, designs[d]);
        expected_cycles = cost.cycles;
        expected_energy = cost.energy;
      } catch (const Error&) {
        ++infeasible;
      }
      different += cycles[d] != expected_cycles || energy[d] != expected_energy ? 1 : 0;
    }
  }
  CHECK(different == 0);
  CHECK(infeasible > 0);
}

TEST_CASE("a network's costs do not depend on the number of threads", "[accel]") {
  Rng rng(6, "batch-test");
  const auto designs = random_designs(100, rng);
  const DesignBatch batch(designs);
  Network network{.name = "random", .layers = {}};
  for (int i = 0; i < 12; ++i) {
    network.layers.push_back(random_layer(rng));
    network.layers.back().count = 1 + i % 3;
  }
  std::vector<double> cycles(batch.size());
  std::vector<double> energy(batch.size());
  batch.cost_of(network, cycles, energy);
  for (const int threads : {2, 3, 64}) {
    std::vector<double> again(batch.size(), -1.0);
    std::vector<double> energy_again(batch.size(), -1.0);
    batch.cost_of(network, again, energy_again, threads);
    CHECK(again == cycles);
    CHECK(energy_again == energy);
  }
  for (std::size_t d = 0; d < designs.size(); ++d) {
    if (!std::isfinite(cycles[d])) continue;
    CHECK(cost_of(network, designs[d]).cycles == cycles[d]);
  }
}

TEST_CASE("an empty batch costs nothing", "[accel]") {
  const DesignBatch batch({});
  CHECK(batch.size() == 0);
  batch.cost_of(make_gemm("fc", 1, 2, 3), {}, {});
}
