#include "hsconas/latency/measure.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"

namespace hsconas {

namespace {

constexpr std::size_t kNetworksPerGroup = 24;
constexpr int kMaxRuns = 1 << 20;
constexpr int kResamples = 500;
constexpr double kConfidence = 0.9;

/// Chains that are ready on the device, until this goes out of scope.
class PreparedChains {
 public:
  PreparedChains(OpTimer& timer, const StopToken& stop) : timer_(timer), stop_(stop) {}
  ~PreparedChains() {
    for (const int id : ids_) timer_.release(id);
  }
  PreparedChains(const PreparedChains&) = delete;
  PreparedChains& operator=(const PreparedChains&) = delete;

  void add(std::span<const Block> chain) {
    stop_.check();
    ids_.push_back(timer_.prepare(chain));
  }

  /// Milliseconds [chain][round].
  std::vector<std::vector<double>> time(const LatencyConfig& config, Rng& rng, Progress& progress);

 private:
  double time_once(int id, int runs);
  int choose_runs(int id, double sample_ms);

  OpTimer& timer_;
  const StopToken& stop_;
  std::vector<int> ids_;
};

double PreparedChains::time_once(int id, int runs) {
  stop_.check();
  const double ms = timer_.time_ms(id, runs);
  if (!(std::isfinite(ms) && ms >= 0.0)) {
    throw Error(ErrorKind::Device, fmt::format("the device's timer gave {} ms", ms));
  }
  return ms;
}

int PreparedChains::choose_runs(int id, double sample_ms) {
  int runs = 1;
  while (runs < kMaxRuns) {
    const double total_ms = time_once(id, runs) * runs;
    if (total_ms >= sample_ms) break;
    // A timing far too short says little, so it grows the next one tenfold at most.
    const double growth = std::min(total_ms > 0.0 ? 1.1 * sample_ms / total_ms : 10.0, 10.0);
    runs = std::clamp(static_cast<int>(std::ceil(growth * runs)), runs + 1, kMaxRuns);
  }
  return runs;
}

std::vector<std::vector<double>> PreparedChains::time(const LatencyConfig& config, Rng& rng,
                                                      Progress& progress) {
  // The first pass pays for allocations and for the library's choice of algorithm.
  for (const int id : ids_) time_once(id, 1);
  std::vector<int> runs;
  for (const int id : ids_) runs.push_back(choose_runs(id, config.sample_ms));

  std::vector<std::vector<double>> times(ids_.size());
  std::vector<std::size_t> order(ids_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (int round = 0; round < config.rounds; ++round) {
    rng.shuffle(std::span(order));
    for (const std::size_t i : order) {
      times[i].push_back(time_once(ids_[i], runs[i]));
      progress.step();
    }
  }
  return times;
}

std::map<std::string, TableEntry> measure_blocks(std::span<const Block> blocks, OpTimer& timer,
                                                 const LatencyConfig& config, std::uint64_t seed,
                                                 Log& log, const StopToken& stop) {
  PreparedChains chains(timer, stop);
  for (const Block& block : blocks) chains.add({&block, 1});
  Rng order(seed, "latency-table");
  Rng resampling(seed, "latency-bootstrap");
  Progress progress(log, "latency table", std::ssize(blocks) * config.rounds);
  const auto times = chains.time(config, order, progress);

  std::map<std::string, TableEntry> entries;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Interval interval = bootstrap(times[i], median, kConfidence, kResamples, resampling);
    entries[blocks[i].key()] = {.ms = median(times[i]),
                                .low = interval.low,
                                .high = interval.high,
                                .n = static_cast<int>(times[i].size())};
  }
  return entries;
}

/// Up to `count` different networks, uniformly random; fewer only where the space runs out.
std::vector<Architecture> random_networks(const SearchSpace& space, std::size_t count, Rng& rng) {
  const Subspace full = Subspace::full(space);
  std::set<Architecture> seen;
  std::vector<Architecture> networks;
  const std::size_t tries = 1000 + 100 * count;
  for (std::size_t i = 0; i < tries && networks.size() < count; ++i) {
    Architecture arch = space.canonical(sample(full, rng));
    if (seen.insert(arch).second) networks.push_back(std::move(arch));
  }
  return networks;
}

void measure_bias(LatencyTable& table, const SearchSpace& space, OpTimer& timer,
                  const LatencyConfig& config, std::uint64_t seed, Log& log,
                  const StopToken& stop) {
  const auto for_bias = static_cast<std::size_t>(config.bias_networks);
  const std::size_t wanted = for_bias + static_cast<std::size_t>(config.test_networks);
  if (wanted == 0) return;
  Rng rng(seed, "latency-networks");
  const auto archs = random_networks(space, wanted, rng);
  if (archs.size() < wanted) {
    log.warn(
        fmt::format("space {} gave {} different networks to fit and judge the latency model "
                    "on, not {}",
                    table.space, archs.size(), wanted));
  }
  const std::size_t calibration = (archs.size() * for_bias + wanted - 1) / wanted;
  const auto measured = measure_networks(space, archs, timer, config, seed, log, stop);
  std::vector<double> differences;
  for (std::size_t i = 0; i < archs.size(); ++i) {
    double sum_ms = 0.0;
    for (const Block& block : space.network(archs[i])) sum_ms += table.at(block).ms;
    auto& list = i < calibration ? table.calibration : table.test;
    list.push_back({space.encode(archs[i]), sum_ms, measured[i]});
    if (i < calibration) differences.push_back(measured[i] - sum_ms);
  }
  table.bias_ms = mean(differences);
}

}  // namespace

std::vector<Block> distinct_blocks(const SearchSpace& space) {
  std::map<std::string, Block> found;
  const auto add = [&found](const Block& block) {
    if (!block.is_identity()) found.emplace(block.key(), block);
  };
  add(space.stem());
  add(space.head());
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < space.ops(); ++op) {
      for (int width = 0; width < space.widths(); ++width) add(space.block(layer, {op, width}));
    }
  }
  std::vector<Block> blocks;
  blocks.reserve(found.size());
  for (auto& [key, block] : found) blocks.push_back(std::move(block));
  return blocks;
}

LatencyTable measure_table(const SearchSpace& space, OpTimer& timer, const DeviceInfo& device,
                           const LatencyConfig& config, std::uint64_t seed, Log& log,
                           const StopToken& stop) {
  LatencyTable table{.space = space.description().name, .device = device};
  table.entries = measure_blocks(distinct_blocks(space), timer, config, seed, log, stop);
  measure_bias(table, space, timer, config, seed, log, stop);
  return table;
}

std::vector<double> measure_networks(const SearchSpace& space, std::span<const Architecture> archs,
                                     OpTimer& timer, const LatencyConfig& config,
                                     std::uint64_t seed, Log& log, const StopToken& stop) {
  Rng rng(seed, "latency-network-order");
  Progress progress(log, "whole networks", std::ssize(archs) * config.rounds);
  std::vector<double> result(archs.size());
  // Every group takes its networks from all over the list, so that a drift between groups falls on
  // the first and the last part of the list alike.
  const std::size_t groups = (archs.size() + kNetworksPerGroup - 1) / kNetworksPerGroup;
  for (std::size_t group = 0; group < groups; ++group) {
    PreparedChains chains(timer, stop);
    for (std::size_t i = group; i < archs.size(); i += groups) chains.add(space.network(archs[i]));
    const auto times = chains.time(config, rng, progress);
    for (std::size_t i = 0; i < times.size(); ++i) result[group + i * groups] = median(times[i]);
  }
  return result;
}

ModelAccuracy held_out_accuracy(const LatencyTable& table, bool with_bias) {
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const MeasuredNetwork& network : table.test) {
    predicted.push_back(network.sum_ms + (with_bias ? table.bias_ms : 0.0));
    measured.push_back(network.measured_ms);
  }
  return judge(predicted, measured);
}

}  // namespace hsconas
