// Measures layer evaluations per second of the accelerator model in three ways: for many designs
// side by side, for one design after the other, and in a plain loop that looks up the design's
// tables for every layer. Runs on one thread, with the three interleaved, and prints the ratios.
#include "bench/accel_bench.hpp"

#include <chrono>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "hsconas/accel/batch.hpp"
#include "hsconas/accel/cost.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/spaces.hpp"

namespace hsconas::bench {

namespace {

constexpr int kRounds = 9;

template <typename Work>
double seconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The grid of the semi-decoupled paper: 6 sizes x 8 NoC x 9 off-chip bandwidths.
std::vector<Accelerator> paper_grid() {
  std::vector<Accelerator> designs;
  const Accelerator base =
      load_accelerator(source_folder() / "configs" / "accelerators" / "yr-p.json");
  for (const int pes : {16, 32, 64, 128, 256, 512}) {
    for (int noc = 300; noc <= 1000; noc += 100) {
      for (const int offchip : {50, 100, 150, 200, 250, 275, 300, 325, 350}) {
        Accelerator& design = designs.emplace_back(base);
        set_pes(design, pes);
        design.noc_words = noc;
        design.offchip_bytes = offchip;
      }
    }
  }
  return designs;
}

/// `count` designs of all dataflows with all parameters different.
std::vector<Accelerator> mixed_designs(std::size_t count) {
  std::vector<Accelerator> designs;
  Rng rng(4, "bench");
  while (designs.size() < count) {
    Accelerator& design = designs.emplace_back();
    design.dataflow = all_dataflows()[designs.size() % all_dataflows().size()].name;
    design.rows = 8 + static_cast<std::int64_t>(rng.below(57));
    design.columns = 8 + static_cast<std::int64_t>(rng.below(57));
    for (auto& words : design.register_words) words = 4 + static_cast<std::int64_t>(rng.below(61));
    design.buffer_bytes = (512 + static_cast<std::int64_t>(rng.below(512))) * 1024;
    design.noc_words = 16.0 + static_cast<double>(rng.below(100));
    design.offchip_bytes = 4.0 + static_cast<double>(rng.below(60));
  }
  return designs;
}

/// Prints the speeds for one set of designs. False if the three ways disagree.
bool compare(const char* title, const std::vector<Accelerator>& designs, const Network& network) {
  const DesignBatch batch(designs);
  std::vector<CostModel> models;
  for (const Accelerator& design : designs) models.emplace_back(design);
  const auto evaluations = static_cast<double>(designs.size() * network.layers.size());
  std::vector<double> cycles(designs.size());
  std::vector<double> energy(designs.size());
  std::vector<double> batched;
  std::vector<double> scalar;
  std::vector<double> plain;
  double one_by_one = 0.0;
  double looked_up = 0.0;
  for (int round = 0; round < kRounds; ++round) {
    batched.push_back(seconds([&] { batch.cost_of(network, cycles, energy); }));
    scalar.push_back(seconds([&] {
      for (const CostModel& model : models) {
        for (const Layer& layer : network.layers) one_by_one += model.cost_of(layer).cycles;
      }
    }));
    plain.push_back(seconds([&] {
      for (const Accelerator& design : designs) {
        for (const Layer& layer : network.layers) looked_up += cost_of(layer, design).cycles;
      }
    }));
  }
  double sum = 0.0;
  for (const double value : cycles) sum += value;
  const double fast = median(batched);
  const double middle = median(scalar);
  fmt::print("accelerator model, {}: {} designs x {} layers\n", title, designs.size(),
             network.layers.size());
  fmt::print(
      "  batched {:.1f} million layer evaluations/s ({:.2f} ms for all), scalar {:.2f}, "
      "plain loop {:.2f}\n",
      1e-6 * evaluations / fast, 1e3 * fast, 1e-6 * evaluations / middle,
      1e-6 * evaluations / median(plain));
  fmt::print("  ratios: batched / scalar {:.1f}, scalar / plain {:.1f}\n", middle / fast,
             median(plain) / middle);
  return one_by_one == looked_up && std::abs(one_by_one / (kRounds * sum) - 1.0) < 1e-12;
}

}  // namespace

bool accel_bench() {
  const SearchSpace space = shipped_space("hsconas-a");
  Rng rng(3, "bench");
  const Network network = network_of(space, sample(Subspace::full(space), rng));
  const bool grid = compare("the semi-decoupled grid", paper_grid(), network);
  const bool mixed = compare("mixed designs", mixed_designs(432), network);
  std::vector<Accelerator> narrow_designs = mixed_designs(432);
  for (Accelerator& design : narrow_designs) {
    design.voltage = 0.7;
    design.supported_bits.weight = {4};
  }
  Network narrow = network;
  for (Layer& layer : narrow.layers) layer.bits.weight = rng.chance(0.5) ? 4 : 8;
  const bool widths = compare("mixed designs at 0.7 V, layers with widths", narrow_designs, narrow);
  if (!grid || !mixed || !widths) fmt::print("the accelerator model's ways disagree\n");
  return grid && mixed && widths;
}

}  // namespace hsconas::bench
