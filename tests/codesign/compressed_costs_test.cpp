#include "hsconas/codesign/compressed_costs.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/accel/cost.hpp"
#include "hsconas/codesign/compressed_region.hpp"
#include "hsconas/codesign/design_space.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// Designs of three dataflows, some with buffers that wide layers overflow and some that are short
/// of bandwidth. All support weights of 2 to 8 bits.
DesignSpace designs_for_few_bits() {
  return DesignSpace(nlohmann::json::parse(R"({"name": "few-bits",
    "dataflow": ["ws-kc", "os-yx", "rs"], "pes": [64, 256], "buffer_bytes": [4096, 131072],
    "noc_words": [2, 32], "offchip_bytes": [1, 32], "bits": {"input": 16, "weight": 16, "psum": 32},
    "supported_bits": {"input": [8], "weight": [2, 3, 4, 5, 6, 7, 8]}})"));
}

struct CostBench {
  SearchSpace space = shipped_space("quickstart-32");
  DesignSpace designs = designs_for_few_bits();
  std::vector<Architecture> starts{space.uniform(0), space.uniform(1), space.uniform(2)};
  CompressedRegion region{space, starts, {.bits = {2, 3, 4, 5, 6, 7, 8}}};
  CompressedCosts costs{space, designs.designs()};
  Rng rng{1, "costs"};

  CompressedNetwork draw() { return region.network_of(region.sample(rng)); }
};

/// The cost by the scalar model, layer by layer; infinite where it throws.
PairCost direct_cost(const SearchSpace& space, const CompressedNetwork& compressed,
                     const Accelerator& design, int images = 1) {
  Network network = network_of(space, compressed.arch);
  for (Layer& layer : network.layers) layer.n = images;
  if (!compressed.bits.empty()) {
    std::vector<std::int64_t> bits;
    const std::vector<Block> blocks = space.network(compressed.arch);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      bits.insert(bits.end(), layers_of(blocks[i]).size(), compressed.bits[i]);
    }
    set_weight_bits(network, bits);
    set_activation_bits(network, std::vector<std::int64_t>{kActivationBits});
  }
  try {
    const NetworkCost cost = cost_of(network, design);
    return {.ms = cost.milliseconds, .energy = cost.energy};
  } catch (const Error&) {
    return {.ms = INFINITY, .energy = INFINITY};
  }
}

}  // namespace

TEST_CASE("costs of compressed networks are those of the accelerator model, layer by layer",
          "[compress]") {
  CostBench bench;
  std::vector<PairCost> row(bench.designs.size());
  std::size_t finite = 0;
  for (int i = 0; i < 40; ++i) {
    CompressedNetwork network = bench.draw();
    if (i % 4 == 0) network.bits.clear();
    bench.costs.costs(network, row);
    for (std::size_t design = 0; design < row.size(); ++design) {
      const PairCost direct = direct_cost(bench.space, network, bench.designs.designs()[design]);
      CHECK(bench.costs.cost(network, design).ms == row[design].ms);
      CHECK(bench.costs.cost(network, design).energy == row[design].energy);
      if (std::isinf(direct.ms)) {
        CHECK(std::isinf(row[design].ms));
        continue;
      }
      CHECK(row[design].ms == Approx(direct.ms).epsilon(1e-12));
      CHECK(row[design].energy == Approx(direct.energy).epsilon(1e-12));
      ++finite;
    }
  }
  CHECK(finite > 400);
}

TEST_CASE("fewer bits of any block never cost more cycles, and more energy only for fewer cycles",
          "[compress]") {
  CostBench bench;
  std::vector<PairCost> before(bench.designs.size());
  std::vector<PairCost> after(bench.designs.size());
  for (int i = 0; i < 60; ++i) {
    CompressedNetwork network = bench.draw();
    const std::size_t block = bench.rng.index(network.bits.size());
    network.bits[block] = 8;
    bench.costs.costs(network, before);
    for (int bits = 7; bits >= 2; --bits) {
      network.bits[block] = bits;
      bench.costs.costs(network, after);
      for (std::size_t design = 0; design < before.size(); ++design) {
        CAPTURE(bench.designs.designs()[design].name, block, bits);
        if (std::isinf(before[design].ms)) continue;
        CHECK(after[design].ms <= before[design].ms * (1.0 + 1e-12));
        // A narrower weight may make room for a faster tile, which moves more bytes.
        if (after[design].ms < before[design].ms * (1.0 - 1e-12)) continue;
        CHECK(after[design].energy <= before[design].energy * (1.0 + 1e-12));
      }
      before = after;
    }
  }
}

TEST_CASE(
    "on layers whose array is the bottleneck, fewer weight bits change no cycles but the first",
    "[compress]") {
  CostBench bench;
  std::size_t compute_bound = 0;
  std::size_t faster = 0;
  // Without the wait for the first tile and for the last results.
  const auto steady = [](const LayerCost& cost) { return cost.cycles - cost.fill - cost.drain; };
  for (const Accelerator& design : bench.designs.designs()) {
    const CostModel model(design);
    for (const Architecture& start : bench.starts) {
      for (Layer& layer : network_of(bench.space, start).layers) {
        try {
          layer.bits = words_with(8);
          const LayerCost wide = model.cost_of(layer);
          layer.bits = words_with(4);
          const LayerCost narrow = model.cost_of(layer);
          CHECK(narrow.cycles <= wide.cycles);
          const bool is_transfer_bound = std::string(wide.bound()) == "off-chip";
          if (is_transfer_bound && steady(narrow) < steady(wide) - 1.0) ++faster;
          // The transfers of a single tile are added to the computation, whatever bounds it.
          if (std::string(wide.bound()) != "compute" || !wide.tile.double_buffered) continue;
          CHECK(steady(narrow) == Approx(steady(wide)).margin(1.0));
          ++compute_bound;
        } catch (const Error&) {  // The layer does not fit the buffer.
        }
      }
    }
  }
  CHECK(compute_bound > 500);
  CHECK(faster > 500);
}

TEST_CASE("costs are infinite on designs that do not support the bits, and only there",
          "[compress]") {
  const SearchSpace space = tiny_space();
  const DesignSpace designs(nlohmann::json::parse(R"({"name": "two", "dataflow": "rs",
    "rows": 12, "columns": 14, "buffer_bytes": 131072, "noc_words": 16, "offchip_bytes": 8,
    "bits": {"input": 8, "weight": [8, 4], "psum": 32}})"));
  CompressedCosts costs(space, designs.designs());
  CompressedNetwork network{.start = 0, .arch = space.uniform(0), .bits = {8, 8, 8, 8, 8}};
  CHECK(std::isfinite(costs.cost(network, 0).ms));
  CHECK(std::isinf(costs.cost(network, 1).ms));
  network.bits[2] = 4;
  CHECK(std::isinf(costs.cost(network, 0).ms));
  CHECK(std::isinf(costs.cost(network, 1).ms));
  network.bits.clear();  // The designs' own words.
  CHECK(std::isfinite(costs.cost(network, 0).ms));
  CHECK(std::isfinite(costs.cost(network, 1).ms));
  network.bits = {8};
  CHECK_THROWS_AS(costs.cost(network, 0), Error);
}

TEST_CASE("a full table starts anew and gives the same costs", "[compress]") {
  CostBench bench;
  CompressedCosts small(bench.space, bench.designs.designs(), 1, 1);
  for (int i = 0; i < 5; ++i) {
    const CompressedNetwork network = bench.draw();
    CHECK(small.cost(network, 3).energy == bench.costs.cost(network, 3).energy);
  }
}

TEST_CASE("costs are per batch", "[compress]") {
  CostBench bench;
  CompressedCosts four(bench.space, bench.designs.designs(), 4);
  const CompressedNetwork network = bench.draw();
  for (std::size_t design = 0; design < bench.designs.size(); ++design) {
    const PairCost direct = direct_cost(bench.space, network, bench.designs.designs()[design], 4);
    if (std::isinf(direct.ms)) continue;
    CHECK(four.cost(network, design).ms == Approx(direct.ms).epsilon(1e-12));
  }
}
