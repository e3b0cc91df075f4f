#include "hsconas/accel/cost.hpp"

#include <functional>
#include <optional>
#include <string>

#include "accel/random_designs.hpp"
#include "catch.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/reference/maestro.hpp"
#include "support/errors.hpp"

using namespace hsconas;
using namespace hsconas::test;

namespace {

constexpr int kPairs = 100000;

Layer small_conv() {
  return make_conv({.name = "small",
                    .channels = 16,
                    .filters = 32,
                    .in_y = 14,
                    .in_x = 14,
                    .r = 3,
                    .s = 3,
                    .pad_y = 1,
                    .pad_x = 1});
}

/// A design in which only the array limits the speed.
Accelerator free_flowing(const std::string& dataflow, std::int64_t pes) {
  Accelerator design;
  design.dataflow = dataflow;
  set_pes(design, pes);
  design.register_words = {1 << 20, 1 << 20, 1 << 20};
  design.buffer_bytes = std::int64_t{1} << 36U;
  design.noc_words = 1e9;
  design.offchip_bytes = 1e9;
  return design;
}

/// Cost, or nothing where the buffer is too small.
std::optional<LayerCost> try_cost(const Layer& layer, const Accelerator& design) {
  try {
    return cost_of(layer, design);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Infeasible) throw;
    return std::nullopt;
  }
}

/// Counts the random pairs of layer and design that fit, and those of them that break `rule`.
struct Trial {
  int fitting = 0;
  int broken = 0;
};
Trial try_pairs(const std::function<bool(const Layer&, const Accelerator&, const LayerCost&)>& rule,
                int pairs = kPairs) {
  Rng rng(1, "cost-test");
  Trial trial;
  for (int i = 0; i < pairs; ++i) {
    const Layer layer = random_layer(rng);
    const Accelerator design = random_design(rng);
    const auto cost = try_cost(layer, design);
    if (!cost) continue;
    ++trial.fitting;
    trial.broken += rule(layer, design, *cost) ? 0 : 1;
  }
  return trial;
}

}  // namespace

TEST_CASE("the array's cycles are the product of each loop's iterations per PE", "[accel]") {
  const Layer layer = small_conv();
  // 14 x 14 pixels, 9 taps; 16 channels fit 64 rows, 32 filters take 8 turns on 4 columns.
  CHECK(cost_of(layer, free_flowing("ws-kc", 256)).compute == 8 * 196 * 9);
  CHECK(cost_of(layer, free_flowing("os-yx", 256)).compute == 32 * 16 * 2 * 9);
  // Three rows of the window and 14 of the image on 42 of 64 PEs.
  CHECK(cost_of(layer, free_flowing("rs-yr", 64)).compute == 14 * 16 * 32 * 3);
  Accelerator lanes = free_flowing("ws-kc", 256);
  lanes.lanes = 4;
  CHECK(cost_of(layer, lanes).compute == 8 * 196 * 9 / 4.0);
}

TEST_CASE("without transfer limits the cycles are those of MAESTRO's same mapping", "[accel]") {
  Rng rng(3, "cost-test");
  const std::pair<const char*, MaestroMapping> same[] = {{"ws-kc", MaestroMapping::KcP},
                                                         {"ws-x", MaestroMapping::XP},
                                                         {"os-yx", MaestroMapping::YxP},
                                                         {"os-yk", MaestroMapping::YkP}};
  for (int i = 0; i < 500; ++i) {
    const Layer layer = random_layer(rng);
    if (layer.g > 1 || layer.n > 1) continue;
    for (const auto& [dataflow, mapping] : same) {
      const Accelerator design = free_flowing(dataflow, 64 << rng.below(5));
      CAPTURE(dataflow, layer.k, layer.c, layer.oy, layer.ox, design.pes());
      CHECK(cost_of(layer, design).compute ==
            static_cast<double>(maestro_unlimited_cycles(layer, mapping, design.pes())));
    }
  }
}

TEST_CASE("a tiny layer's transfers can be counted by hand", "[accel]") {
  // 2 filters of 2 channels, 1 x 1, 4 pixels on a 2 x 2 array, which holds all weights and takes
  // one pixel per cycle.
  const Layer layer = make_conv({.name = "tiny", .channels = 2, .filters = 2, .in_x = 4});
  Accelerator design;
  design.dataflow = "systolic-ws";
  design.rows = design.columns = 2;
  design.register_words = {1, 1, 1};
  design.noc_words = 4;
  design.noc_hop_cycles = 0;
  design.offchip_bytes = 1;
  const LayerCost cost = cost_of(layer, design);
  CHECK(cost.macs == 16);
  CHECK(cost.compute == 4);
  CHECK(cost.offchip.in == std::array<double, 3>{8, 4, 0});
  CHECK(cost.offchip.out == std::array<double, 3>{0, 0, 8});
  CHECK(cost.noc.in == std::array<double, 3>{8, 4, 0});
  CHECK(cost.noc.out == std::array<double, 3>{0, 0, 8});
  CHECK(cost.registers.out == std::array<double, 3>{16, 16, 16 + 8});
  // Every pixel goes to both columns.
  CHECK(cost.registers.in == std::array<double, 3>{16, 4, 16});
  design.multicast = false;
  CHECK(cost_of(layer, design).noc.in == std::array<double, 3>{16, 4, 0});
  design.reduction = false;
  CHECK(cost_of(layer, design).noc.out == std::array<double, 3>{0, 0, 16});
}

TEST_CASE("all multiply-adds are done, and no faster than the PEs allow", "[accel]") {
  const Trial trial =
      try_pairs([](const Layer& layer, const Accelerator& design, const LayerCost& cost) {
        const auto macs = static_cast<double>(layer.n * layer.g * layer.k) *
                          static_cast<double>(layer.c * layer.r * layer.s * layer.oy * layer.ox);
        const auto peak = static_cast<double>(design.pes() * design.lanes);
        return cost.macs == macs && cost.registers.out[0] == macs &&
               cost.registers.out[1] == macs && cost.compute * peak >= macs * (1.0 - 1e-12) &&
               cost.cycles >= cost.compute && cost.utilization <= 1.0;
      });
  CHECK(trial.fitting > kPairs * 3 / 4);
  CHECK(trial.broken == 0);
}

TEST_CASE("every word is transferred at least once, and no faster than bandwidths allow",
          "[accel]") {
  const Trial trial =
      try_pairs([](const Layer& layer, const Accelerator& design, const LayerCost& cost) {
        const auto inputs = static_cast<double>(layer.inputs());
        const auto weights = static_cast<double>(layer.weights());
        const auto outputs = static_cast<double>(layer.outputs());
        return cost.offchip.in[0] >= inputs && cost.offchip.in[1] >= weights &&
               cost.offchip.out[2] >= outputs && cost.noc.in[1] >= weights &&
               cost.noc.out[2] >= outputs &&
               cost.cycles >= cost.offchip_bytes / design.offchip_bytes * (1.0 - 1e-12) &&
               cost.cycles >= cost.noc_in * (1.0 - 1e-12) &&
               cost.cycles >= cost.noc_out * (1.0 - 1e-12);
      });
  CHECK(trial.broken == 0);
}

TEST_CASE("cycles never rise with a bandwidth", "[accel]") {
  const Trial trial =
      try_pairs([](const Layer& layer, const Accelerator& design, const LayerCost& cost) {
        Accelerator noc = design;
        noc.noc_words *= 1.5;
        Accelerator offchip = design;
        offchip.offchip_bytes *= 1.5;
        Accelerator hops = design;
        hops.noc_hop_cycles = 0;
        return cost_of(layer, noc).cycles <= cost.cycles &&
               cost_of(layer, offchip).cycles <= cost.cycles &&
               cost_of(layer, hops).cycles <= cost.cycles;
      });
  CHECK(trial.broken == 0);
}

TEST_CASE("buffer-monotonic: cycles never rise with the capacity of the buffer", "[accel]") {
  int faster = 0;
  int lighter = 0;
  const Trial trial =
      try_pairs([&](const Layer& layer, const Accelerator& design, const LayerCost& cost) {
        LayerCost before = cost;
        Accelerator larger = design;
        for (const int percent : {3, 20, 100, 300, 1500, 6300}) {
          larger.buffer_bytes = design.buffer_bytes + design.buffer_bytes * percent / 100;
          const LayerCost now = cost_of(layer, larger);
          if (now.cycles > before.cycles) return false;
          faster += now.cycles < before.cycles ? 1 : 0;
          lighter += now.offchip_bytes < before.offchip_bytes ? 1 : 0;
          before = now;
        }
        return true;
      });
  CHECK(trial.broken == 0);
  CHECK(faster > kPairs / 20);  // The check means something: a larger buffer often helps.
  CHECK(lighter > kPairs / 20);
}

TEST_CASE("the tile fits the buffer, and twice if it is double-buffered", "[accel]") {
  int single = 0;
  const Trial trial =
      try_pairs([&](const Layer&, const Accelerator& design, const LayerCost& cost) {
        single += cost.tile.double_buffered ? 0 : 1;
        const double copies = cost.tile.double_buffered ? 2.0 : 1.0;
        return copies * cost.tile.bytes <= static_cast<double>(design.buffer_bytes);
      });
  CHECK(trial.broken == 0);
  CHECK(single > 100);
}

TEST_CASE("energy is the sum of its terms, and each term is counts times table energies",
          "[accel]") {
  const Trial trial = try_pairs([](const Layer&, const Accelerator& design, const LayerCost& cost) {
    const EnergyTable& table = find_energy_table(design.energy);
    const double weight_bits = static_cast<double>(design.bits[1]) / table.word_bits;
    const auto same = [](double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); };
    return same(cost.energy, cost.energy_terms.total()) &&
           same(cost.energy_terms.mac, cost.macs * table.mac) &&
           same(cost.energy_terms.offchip[1], cost.offchip.in[1] * table.offchip * weight_bits) &&
           same(cost.energy_terms.registers[1], (cost.registers.out[1] * table.register_read[1] +
                                                 cost.registers.in[1] * table.register_write[1]) *
                                                    weight_bits);
  });
  CHECK(trial.broken == 0);
}

TEST_CASE("a buffer too small for the smallest tile is an infeasible error with both sizes",
          "[accel]") {
  Accelerator design;
  design.name = "tight";
  design.buffer_bytes = 64;
  CHECK(error_of([&] { cost_of(small_conv(), design); }) ==
        "infeasible: tight: the global buffer of 64 bytes is too small for layer small: dataflow "
        "ws-kc on 64 x 4 PEs needs 2512 bytes for its smallest tile");
}

TEST_CASE("a network costs the sum of its layers, each as often as it occurs", "[accel]") {
  Layer twice = small_conv();
  twice.count = 2;
  const Network network{.name = "two", .layers = {twice, make_gemm("fc", 1, 64, 10)}};
  Accelerator design;
  design.clock_mhz = 100;
  const NetworkCost cost = cost_of(network, design);
  REQUIRE(cost.layers.size() == 2);
  CHECK(cost.cycles == 2 * cost.layers[0].cycles + cost.layers[1].cycles);
  CHECK(cost.energy == Approx(2 * cost.layers[0].energy + cost.layers[1].energy));
  CHECK(cost.energy_terms.total() == Approx(cost.energy));
  CHECK(cost.macs == static_cast<double>(network.macs()));
  CHECK(cost.milliseconds == Approx(cost.cycles / 1e5));
}
