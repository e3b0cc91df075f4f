// Measures predictions per second of a latency table, and of a map that looks up every block by
// key, as a script would do it. Runs on one thread and prints the ratio.
//   hsconas_bench
#include <chrono>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/accel_bench.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

constexpr int kArchitectures = 20000;  // 3 MB, as in a search, so that the L1 cache does not help.
constexpr int kRounds = 9;

template <typename Predict>
double seconds(const std::vector<Architecture>& archs, int times, double& sum, Predict predict) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) {
    for (const Architecture& arch : archs) sum += predict(arch);
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  return taken.count() / times;
}

LatencyTable made_up_table(const SearchSpace& space) {
  LatencyTable table{.space = space.description().name, .device = {}};
  Rng rng(1, "bench");
  for (const Block& block : distinct_blocks(space)) {
    const double ms = rng.uniform(0.1, 2.0);
    table.entries[block.key()] = {.ms = ms, .low = ms, .high = ms, .n = 1, .network_ms = ms};
  }
  table.bias_ms = 0.5;
  return table;
}

}  // namespace

int main() {
  const SearchSpace space = shipped_space("hsconas-a");
  const LatencyTable table = made_up_table(space);
  const TableModel table_model(space, table);
  const LatencyModel& model = table_model;  // Virtual calls, as in the search.
  Rng rng(2, "bench");
  std::vector<Architecture> archs;
  for (int i = 0; i < kArchitectures; ++i) archs.push_back(sample(Subspace::full(space), rng));

  const auto ms_of = [&](const Block& block) {
    return block.is_identity() ? 0.0 : table.entries.at(block.key()).network_ms;
  };
  // The plain version: (layer, operator, width) -> milliseconds.
  std::map<std::string, double> by_name;
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < space.ops(); ++op) {
      for (int width = 0; width < space.widths(); ++width) {
        by_name[fmt::format("{}:{}:{}", layer, op, width)] = ms_of(space.block(layer, {op, width}));
      }
    }
  }
  const double fixed_ms = ms_of(space.stem()) + ms_of(space.head()) + table.bias_ms;
  const auto plain = [&](const Architecture& arch) {
    double total = fixed_ms;
    for (std::size_t layer = 0; layer < arch.size(); ++layer) {
      total += by_name.at(fmt::format("{}:{}:{}", layer, arch[layer].op, arch[layer].width));
    }
    return total;
  };

  double model_sum = 0.0;
  double plain_sum = 0.0;
  std::vector<double> model_rates;
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    const double fast = seconds(archs, 20, model_sum,
                                [&](const Architecture& arch) { return model.predict_ms(arch); });
    const double slow = seconds(archs, 1, plain_sum, plain);
    model_rates.push_back(kArchitectures / fast);
    ratios.push_back(slow / fast);
  }
  const double rate = median(model_rates);
  fmt::print("latency table, {} layers: {:.1f} million predictions/s ({:.0f} ns each)\n",
             space.layers(), rate / 1e6, 1e9 / rate);
  fmt::print("a look-up by name in a map: {:.2f} million/s; ratio {:.0f}\n",
             rate / median(ratios) / 1e6, median(ratios));
  // The additions of one prediction depend on each other, but several predictions overlap.
  fmt::print("limit: reading the architectures, {} bytes each, here {:.1f} GB/s\n",
             sizeof(LayerChoice) * archs[0].size(),
             1e-9 * rate * static_cast<double>(sizeof(LayerChoice) * archs[0].size()));
  const double difference = std::abs(model_sum / 20.0 / plain_sum - 1.0);
  if (difference > 1e-9) {
    fmt::print("the two disagree by {:.1e}\n", difference);
    return 1;
  }
  return bench::accel_bench() ? 0 : 1;
}
