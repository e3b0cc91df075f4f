// Layers with word widths of their own.
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "accel/random_designs.hpp"
#include "catch.hpp"
#include "hsconas/accel/batch.hpp"
#include "hsconas/accel/cost.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

constexpr int kBitPairs = 30000;

Layer with(Layer layer, const LayerBits& bits) {
  layer.bits = bits;
  return layer;
}

/// A random design for 16-bit words that also supports 8 and 4 bits.
Accelerator flexible_design(Rng& rng) {
  Accelerator design = random_design(rng);
  design.bits = {16, 16, 32};
  design.supported_bits = {.input = {4, 8}, .weight = {4, 8}};
  return design;
}

struct ThreeWidths {
  Layer layer;
  Accelerator design;
  LayerCost wide, middle, narrow;  ///< With weights of 16, 8 and 4 bits.
};

/// Calls `visit` for every random pair that fits the buffer with wide weights.
template <typename Visit>
int visit_widths(Visit visit) {
  Rng rng(21, "bits");
  int fitting = 0;
  for (int i = 0; i < kBitPairs; ++i) {
    ThreeWidths three{.layer = random_layer(rng), .design = flexible_design(rng)};
    const CostModel model(three.design);
    try {
      three.wide = model.cost_of(three.layer);
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::Infeasible);
      continue;
    }
    three.middle = model.cost_of(with(three.layer, {.weight = 8}));
    three.narrow = model.cost_of(with(three.layer, {.weight = 4}));
    ++fitting;
    visit(three);
  }
  return fitting;
}

Network network_for_bits(const std::string& name) {
  return load_network(source_folder() / "configs/networks" / (name + ".json"));
}

Layer conv_of_bits() {
  return make_conv({.name = "small", .channels = 16, .filters = 32, .in_y = 14, .in_x = 14});
}

}  // namespace

TEST_CASE("a layer of other widths costs what it costs on a design with such words", "[accel]") {
  Rng rng(22, "bits");
  int different = 0;
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    const Layer layer = random_layer(rng);
    const Accelerator design = flexible_design(rng);
    Accelerator other = design;
    other.supported_bits = {};
    other.bits = {8, 4, 32};
    LayerCost own;
    try {
      own = cost_of(layer, design);
    } catch (const Error&) {
      continue;  // Wide words do not fit the buffer.
    }
    const LayerCost expected = cost_of(layer, other);
    const LayerCost cost = cost_of(with(layer, {.input = 8, .weight = 4, .output = 8}), design);
    const LayerCost same = cost_of(with(layer, {.input = 16, .weight = 16, .output = 16}), design);
    ++compared;
    different += cost.cycles != expected.cycles || cost.energy != expected.energy ||
                         cost.offchip_bytes != expected.offchip_bytes || same.energy != own.energy
                     ? 1
                     : 0;
  }
  CHECK(compared > 10000);
  CHECK(different == 0);
}

TEST_CASE("results are stored with the width that is asked for", "[accel]") {
  Accelerator design;
  design.bits = {16, 16, 32};
  design.supported_bits.input = {8};
  const Layer layer = conv_of_bits();
  const LayerCost wide = cost_of(layer, design);
  const LayerCost narrow = cost_of(with(layer, {.output = 8}), design);
  CHECK(wide.offchip_bytes - narrow.offchip_bytes == static_cast<double>(layer.outputs()));
  CHECK(narrow.energy_terms.offchip[2] == 0.5 * wide.energy_terms.offchip[2]);
  CHECK(narrow.energy_terms.offchip[0] == wide.energy_terms.offchip[0]);
}

// The tile of fewest cycles is chosen, then that of least traffic. Narrow weights may therefore
// make a tile the fastest that moves more bytes than the one before.
TEST_CASE("narrower weights never take more cycles, and more bytes only for fewer cycles",
          "[accel]") {
  int slower = 0;
  int more_bytes = 0;
  int traded = 0;
  int more_energy = 0;
  int faster = 0;
  const int fitting = visit_widths([&](const ThreeWidths& three) {
    for (const auto& [before, now] :
         {std::pair{&three.wide, &three.middle}, {&three.middle, &three.narrow}}) {
      slower += now->cycles > before->cycles ? 1 : 0;
      faster += now->cycles < before->cycles ? 1 : 0;
      const bool grows = now->offchip_bytes > before->offchip_bytes;
      more_bytes += grows && now->cycles >= before->cycles ? 1 : 0;
      traded += grows ? 1 : 0;
      more_energy += now->energy > before->energy * (1.0 + 1e-12) ? 1 : 0;
    }
  });
  WARN(
      fmt::format("of 2 x {} random layers whose weights are halved, {} take fewer cycles, {} move "
                  "more bytes off-chip, {} take more energy",
                  fitting, faster, traded, more_energy));
  CHECK(fitting > kBitPairs / 2);
  CHECK(slower == 0);
  CHECK(more_bytes == 0);
  CHECK(faster > fitting / 4);
  CHECK(traded < fitting / 200);
  CHECK(more_energy < fitting / 200);
}

TEST_CASE("narrower words never cost a shipped network time, energy or traffic", "[accel]") {
  for (const auto& file :
       std::filesystem::directory_iterator(source_folder() / "configs/accelerators")) {
    Accelerator design = load_accelerator(file.path());
    design.bits[0] = design.bits[1] = 16;
    design.supported_bits = {.input = {4, 8}, .weight = {4, 8}};
    for (const char* name : {"resnet18", "mobilenetv2", "shufflenetv2"}) {
      CAPTURE(design.name, name);
      Network network = network_for_bits(name);
      NetworkCost before = cost_of(network, design);
      for (const std::int64_t weights : {8, 4}) {
        set_weight_bits(network, {&weights, 1});
        const NetworkCost now = cost_of(network, design);
        CHECK(now.cycles <= before.cycles);
        CHECK(now.energy < before.energy);
        CHECK(now.offchip_bytes < before.offchip_bytes);
        before = now;
      }
      const std::int64_t activations = 8;
      set_activation_bits(network, {&activations, 1});
      CHECK(cost_of(network, design).cycles <= before.cycles);
      CHECK(cost_of(network, design).energy < before.energy);
    }
  }
}

// HotNAS (CODES+ISSS 2020) states that quantised weights only help layers that their weights slow
// down.
TEST_CASE("on layers that the array bounds, narrower weights only shorten the filling", "[accel]") {
  int bound = 0;
  int different = 0;
  visit_widths([&](const ThreeWidths& three) {
    const auto is_bound = [](const LayerCost& cost) {
      return cost.compute >= std::max({cost.noc_in, cost.noc_out, cost.offchip_cycles}) &&
             cost.tile.double_buffered;
    };
    if (!is_bound(three.wide)) return;
    ++bound;
    for (const LayerCost* now : {&three.middle, &three.narrow}) {
      const double filled = three.wide.fill - now->fill;
      // Both cycles are rounded up.
      const bool same = filled >= 0.0 && is_bound(*now) && now->drain == three.wide.drain &&
                        std::abs(three.wide.cycles - now->cycles - filled) < 1.0;
      different += same ? 0 : 1;
    }
  });
  CHECK(bound > kBitPairs / 20);
  CHECK(different == 0);
}

TEST_CASE("a batch gives bit for bit the costs of layers with widths, at any voltage", "[accel]") {
  Rng rng(23, "bits");
  std::vector<Accelerator> designs;
  while (designs.size() < 101) {
    Accelerator& design = designs.emplace_back(random_design(rng));
    design.voltage = rng.uniform(0.6, 1.1);
    if (rng.chance(0.5)) design.bits = {16, 16, 32};
    if (rng.chance(0.7)) design.supported_bits.weight = {3, 4, 6};
    if (rng.chance(0.7)) design.supported_bits.input = {5, 8};
    if (find_energy_table(design.energy).unit == "pJ") design.leakage_mw_per_mm2 = rng.uniform();
    check(design);
  }
  const DesignBatch batch(designs);
  std::vector<double> cycles(batch.size());
  std::vector<double> energy(batch.size());
  const std::int64_t widths[] = {0, 3, 4, 5, 6, 8, 16};
  const auto any = [&] { return widths[rng.below(7)]; };
  int different = 0;
  int refused = 0;
  int finite = 0;
  for (int i = 0; i < 200; ++i) {
    const Layer layer = with(random_layer(rng), {.input = any(), .weight = any(), .output = any()});
    batch.cost_of(layer, cycles, energy);
    for (std::size_t d = 0; d < designs.size(); ++d) {
      double expected = std::numeric_limits<double>::infinity();
      double expected_energy = expected;
      try {
        const LayerCost cost = cost_of(layer, designs[d]);
        expected = cost.cycles;
        expected_energy = cost.energy;
        ++finite;
      } catch (const Error& error) {
        refused += contains(error.what(), "but the design supports") ? 1 : 0;
      }
      different += cycles[d] != expected || energy[d] != expected_energy ? 1 : 0;
    }
  }
  CHECK(different == 0);
  CHECK(refused > 1000);
  CHECK(finite > 1000);
}

TEST_CASE("a width that a design does not support is refused by name", "[accel]") {
  Accelerator design;
  design.name = "fixed";
  CHECK(error_of([&] { cost_of(with(conv_of_bits(), {.weight = 4}), design); }) ==
        "infeasible: fixed: layer small asks for weights of 4 bits, but the design supports 8: "
        "choose one of them, or extend the design's supported_bits");
  design.supported_bits = {.input = {}, .weight = {2, 4}};
  CHECK(cost_of(with(conv_of_bits(), {.weight = 4}), design).cycles > 0.0);
  CHECK(contains(error_of([&] { cost_of(with(conv_of_bits(), {.weight = 3}), design); }),
                 "weights of 3 bits, but the design supports 2, 4, 8"));
  CHECK(contains(error_of([&] { cost_of(with(conv_of_bits(), {.input = 4}), design); }),
                 "inputs of 4 bits, but the design supports 8"));
  CHECK(contains(error_of([&] { cost_of(with(conv_of_bits(), {.output = 4}), design); }),
                 "results of 4 bits"));
}

TEST_CASE("the widths that a design supports are read strictly", "[accel]") {
  const auto reading = [](const json& supported) {
    const json source{{"dataflow", "ws-kc"},        {"pes", 256},
                      {"buffer_bytes", 4096},       {"noc_words", 16},
                      {"offchip_bytes", 8},         {"bits", {{"input", 8}, {"weight", 16}}},
                      {"supported_bits", supported}};
    return error_of([&] {
      const Accelerator design = read_accelerator(source);
      if (read_accelerator(to_json(design)) != design) throw Error(ErrorKind::Internal, "changed");
      if (design.supported_bits.weight != std::vector<std::int64_t>{4, 8}) {
        throw Error(ErrorKind::Internal, "not in order");
      }
    });
  };
  CHECK(reading({{"weight", {8, 4}}}) == "nothing");
  CHECK(reading({{"input", {4}}, {"weight", {4, 8}}}) == "nothing");
  CHECK(reading({{"input", {16}}}) ==
        "usage: supported_bits.input must be in [1, 8], got 16: the design is built for the 8 bits "
        "of bits.input");
  CHECK(contains(reading({{"weight", {0, 4}}}), "supported_bits.weight must be in [1, 16], got 0"));
  CHECK(contains(reading({{"weight", {4, 4}}}), "supported_bits.weight names 4 twice"));
  CHECK(contains(reading({{"weights", {4}}}), "did you mean 'weight'?"));
  CHECK(contains(reading({{"weight", 4}}), "accelerator.supported_bits.weight"));
}

TEST_CASE("a network names widths in its file or gets them layer by layer", "[accel]") {
  const auto network = [](const json& bits) {
    return json{{"name", "two"},
                {"layers",
                 {{{"name", "a"}, {"input", {8, 4, 4}}, {"filters", 8}, {"bits", bits}},
                  {{"name", "b"}, {"input", {8, 4, 4}}, {"filters", 8}}}}};
  };
  const Network read = read_network(network({{"weight", 4}, {"output", 8}}));
  CHECK(read.layers[0].bits == LayerBits{.input = 0, .weight = 4, .output = 8});
  CHECK(!read.layers[1].bits.any());
  CHECK(error_of([&] {
          read_network(network({{"weight", 0}}));
        }) == "usage: network.layers[0].bits.weight must be in [1, 64], got 0");
  CHECK(contains(error_of([&] { read_network(network({{"wieght", 4}})); }), "did you mean"));

  Network own = read;
  const std::int64_t weights[] = {8, 4};
  const std::int64_t activations[] = {16, 8};
  set_weight_bits(own, weights);
  set_activation_bits(own, activations);
  CHECK(own.layers[0].bits == LayerBits{.input = 16, .weight = 8, .output = 8});
  CHECK(own.layers[1].bits == LayerBits{.input = 8, .weight = 4, .output = 8});
  const std::int64_t three[] = {8, 8, 8};
  CHECK(error_of([&] { set_weight_bits(own, three); }) ==
        "usage: 3 widths are given for the weights of two, which has 2 layers: give one for all "
        "layers or one per layer");
  const std::int64_t wrong[] = {65};
  CHECK(contains(error_of([&] { set_activation_bits(own, wrong); }), "got 65"));
}
