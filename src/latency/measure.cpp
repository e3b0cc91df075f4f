#include "hsconas/latency/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/latency/network_draw.hpp"
#include "hsconas/space/subspace.hpp"
#include "quiet_timer.hpp"

namespace hsconas {

namespace {

constexpr std::size_t kNetworksPerGroup = 24;
constexpr int kRoundsPerPass = 3;
constexpr double kEndless = std::numeric_limits<double>::infinity();
constexpr int kResamples = 500;
constexpr double kConfidence = 0.9;
constexpr double kShareForBlocks = 1.0 / 3.0;  // Share of the budget.
constexpr double kShareOfRest = 0.9;           // Share of the rest that whole networks may take.
constexpr int kMostRoundsFactor = 20;          // Most extra rounds, in multiples of `rounds`.

using Samples = std::vector<QuietTimer::Sample>;

/// Wall-clock time left of a budget.
class Budget {
 public:
  explicit Budget(double minutes)
      : seconds_(60.0 * minutes), begin_(std::chrono::steady_clock::now()) {}
  double spent() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  double left() const { return std::max(0.0, seconds_ - spent()); }
  double seconds() const { return seconds_; }

 private:
  double seconds_;
  std::chrono::steady_clock::time_point begin_;
};

/// Prepares the blocks whose indices are `wanted` anew and times each once, in random order.
void time_round(std::span<const Block> blocks, std::vector<std::size_t> wanted, QuietTimer& timer,
                double sample_ms, std::vector<int>& runs, Rng& rng, std::vector<Samples>& samples,
                Progress& progress) {
  rng.shuffle(std::span(wanted));
  PreparedChains chains(timer);
  for (const std::size_t i : wanted) chains.add({&blocks[i], 1});
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    int& count = runs[wanted[k]];
    if (count == 0) count = timer.choose_runs(chains[k], sample_ms);
  }
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    samples[wanted[k]].push_back(timer.time(chains[k], runs[wanted[k]]));
    progress.step();
  }
}

TableEntry entry_from(const Samples& samples, const QuietTimer& timer, Rng& rng) {
  const std::vector<double> ms = timer.keep_quiet(samples);
  const Interval interval = bootstrap(ms, median, kConfidence, kResamples, rng);
  const double centre = median(ms);
  return {.ms = centre,
          .low = interval.low,
          .high = interval.high,
          .n = static_cast<int>(ms.size()),
          .network_ms = centre};
}

std::map<std::string, TableEntry> measure_blocks(const std::vector<Block>& blocks,
                                                 QuietTimer& timer, const LatencyConfig& config,
                                                 std::uint64_t seed, const Budget& budget,
                                                 Log& log) {
  Rng order(seed, "latency-table");
  Rng resampling(seed, "latency-bootstrap");
  std::vector<Samples> samples(blocks.size());
  std::vector<int> runs(blocks.size(), 0);
  std::vector<TableEntry> entries(blocks.size());
  std::vector<std::size_t> wanted(blocks.size());
  std::iota(wanted.begin(), wanted.end(), std::size_t{0});
  const double most_seconds = kShareForBlocks * budget.seconds();
  for (int rounds = 0; !wanted.empty(); rounds += config.rounds) {
    Progress progress(log, "latency table", std::ssize(wanted) * config.rounds);
    for (int round = 0; round < config.rounds; ++round) {
      // The budget may cut extra rounds short, but not the first `config.rounds`.
      if (rounds > 0 && budget.spent() > most_seconds) break;
      time_round(blocks, wanted, timer, config.sample_ms, runs, order, samples, progress);
    }
    for (const std::size_t i : wanted) entries[i] = entry_from(samples[i], timer, resampling);
    if (budget.spent() > most_seconds || rounds >= kMostRoundsFactor * config.rounds) break;
    std::erase_if(wanted, [&](std::size_t i) {
      return entries[i].half_width_percent() <= config.interval_percent;
    });
  }
  std::map<std::string, TableEntry> result;
  for (std::size_t i = 0; i < blocks.size(); ++i) result[blocks[i].key()] = entries[i];
  return result;
}

/// Number of passes that make at least `config.rounds` timings.
int passes_of(const LatencyConfig& config) {
  return (config.rounds + kRoundsPerPass - 1) / kRoundsPerPass;
}

/// How long whole networks are timed. One pass is always made.
struct NetworkEffort {
  int passes = 1;  ///< Fewest passes if the time suffices.
  /// More passes follow until the median half width of the intervals is at most this.
  double interval_percent = kEndless;
  double seconds = kEndless;
};

/// Times whole networks in passes. A pass times every network kRoundsPerPass times, in groups that
/// are drawn and prepared anew, so that slow minutes and the placement of memory affect all alike.
class NetworkTimes {
 public:
  NetworkTimes(const SearchSpace& space, std::span<const Architecture> archs, QuietTimer& timer,
               double sample_ms)
      : space_(space),
        archs_(archs),
        timer_(timer),
        sample_ms_(sample_ms),
        samples_(archs.size()),
        runs_(archs.size(), 0) {}

  void pass(Rng& rng, Log& log) {
    Progress progress(log, "whole networks", std::ssize(archs_) * kRoundsPerPass);
    std::vector<std::size_t> order(archs_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    rng.shuffle(std::span(order));
    for (std::size_t first = 0; first < order.size(); first += kNetworksPerGroup) {
      time_group(std::span(order).subspan(first, std::min(kNetworksPerGroup, order.size() - first)),
                 rng, progress);
    }
  }

  bool is_narrow(double interval_percent, Rng& rng) const {
    std::vector<double> widths;
    for (const Samples& samples : samples_) {
      widths.push_back(entry_from(samples, timer_, rng).half_width_percent());
    }
    return median(widths) <= interval_percent;
  }

  std::vector<double> medians() const {
    std::vector<double> result;
    for (const Samples& samples : samples_) result.push_back(median(timer_.keep_quiet(samples)));
    return result;
  }

 private:
  void time_group(std::span<const std::size_t> group, Rng& rng, Progress& progress) {
    PreparedChains chains(timer_);
    for (const std::size_t i : group) chains.add(space_.network(archs_[i]));
    std::vector<std::size_t> turn(group.size());
    std::iota(turn.begin(), turn.end(), std::size_t{0});
    for (int round = 0; round < kRoundsPerPass; ++round) {
      rng.shuffle(std::span(turn));
      for (const std::size_t k : turn) {
        int& runs = runs_[group[k]];
        if (runs == 0) runs = timer_.choose_runs(chains[k], sample_ms_);
        samples_[group[k]].push_back(timer_.time(chains[k], runs));
        progress.step();
      }
    }
  }

  const SearchSpace& space_;
  std::span<const Architecture> archs_;
  QuietTimer& timer_;
  double sample_ms_;
  std::vector<Samples> samples_;
  std::vector<int> runs_;
};

/// Median time of every network, and the number of passes made.
struct TimedNetworks {
  std::vector<double> ms;
  int passes = 0;
};

TimedNetworks time_networks(NetworkTimes networks, const NetworkEffort& effort, std::uint64_t seed,
                            Log& log) {
  const Budget budget(effort.seconds / 60.0);
  Rng order(seed, "latency-network-order");
  Rng resampling(seed, "latency-network-bootstrap");
  int passes = 0;
  do {
    networks.pass(order, log);
    ++passes;
  } while (budget.left() > 0.0 &&
           (passes < effort.passes ||
            (passes < kMostRoundsFactor * effort.passes && effort.interval_percent < kEndless &&
             !networks.is_narrow(effort.interval_percent, resampling))));
  return {.ms = networks.medians(), .passes = passes};
}

/// Every network of `archs` with the sum of its blocks' times and its measured time.
std::vector<MeasuredNetwork> describe(const std::vector<Architecture>& archs,
                                      const SearchSpace& space, const LatencyTable& table,
                                      std::span<const double> times) {
  std::vector<MeasuredNetwork> list;
  for (std::size_t i = 0; i < archs.size(); ++i) {
    double sum_ms = 0.0;
    for (const Block& block : space.network(archs[i])) {
      if (!block.is_identity()) sum_ms += table.entries.at(block.key()).ms;
    }
    list.push_back({.arch = space.encode(archs[i]), .sum_ms = sum_ms, .measured_ms = times[i]});
  }
  return list;
}

void fit_and_judge(LatencyTable& table, const SearchSpace& space, QuietTimer& timer,
                   const LatencyConfig& config, std::uint64_t seed, const Budget& budget,
                   Log& log) {
  const NetworkDraw networks = draw_networks(space, TableModel(space, table), config, seed, log);
  std::vector<Architecture> all = networks.test;
  all.insert(all.end(), networks.test_spread.begin(), networks.test_spread.end());
  const std::size_t tested = all.size();
  all.insert(all.end(), networks.calibration.begin(), networks.calibration.end());
  if (all.empty()) return;
  // The test networks are timed a second time, which needs its share of the time left.
  const double share = static_cast<double>(all.size()) / static_cast<double>(all.size() + tested);
  const NetworkEffort effort{.passes = passes_of(config),
                             .interval_percent = config.interval_percent,
                             .seconds = kShareOfRest * share * budget.left()};
  const TimedNetworks timed =
      time_networks(NetworkTimes(space, all, timer, config.sample_ms), effort, seed, log);
  if (timed.passes < effort.passes) {
    log.warn(
        fmt::format("whole networks: {} timings each instead of {}, to keep to "
                    "latency.budget_minutes {:g}",
                    timed.passes * kRoundsPerPass, config.rounds, config.budget_minutes));
  }
  const std::vector<double> again =
      tested == 0 ? std::vector<double>{}
                  : time_networks(
                        NetworkTimes(space, std::span(all).first(tested), timer, config.sample_ms),
                        {.passes = timed.passes}, seed + 1, log)
                        .ms;
  const std::span<const double> span(timed.ms);
  table.test = describe(networks.test, space, table, span);
  table.test_spread =
      describe(networks.test_spread, space, table, span.subspan(networks.test.size()));
  table.calibration = describe(networks.calibration, space, table, span.subspan(tested));

  if (!networks.calibration.empty()) {
    const LatencySpace terms(space);
    std::vector<Measurement> measured;
    for (std::size_t i = 0; i < networks.calibration.size(); ++i) {
      measured.push_back({networks.calibration[i], table.calibration[i].measured_ms});
    }
    const TermPrior prior = prior_from(terms, table, false);
    LatencyTable corrected = table;
    apply_fit(corrected, terms,
              fit_networks(terms, measured, {.forms = correction_forms(), .prior = &prior}));
    const TableModel model(space, corrected);
    if (latency_range(model, Subspace::full(space)).fastest_ms > 0.0) {
      table = std::move(corrected);
    } else {
      log.warn(
          "the correction fitted to whole networks predicts 0 ms for some networks, so the table "
          "is the plain sum of the blocks' times: measure again on an idle machine or with more "
          "latency.bias_networks");
    }
  }
  const TableModel model(space, table);
  const auto finish = [&](std::vector<MeasuredNetwork>& list,
                          const std::vector<Architecture>& archs, const double* again_ms) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      list[i].predicted_ms = model.predict_ms(archs[i]);
      if (again_ms != nullptr) list[i].again_ms = again_ms[i];
    }
  };
  finish(table.test, networks.test, again.data());
  finish(table.test_spread, networks.test_spread, again.data() + networks.test.size());
  finish(table.calibration, networks.calibration, nullptr);
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

const Block& reference_block(const std::vector<Block>& blocks) {
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return cost_of(blocks[a]).macs < cost_of(blocks[b]).macs;
  });
  return blocks[order[order.size() / 2]];
}

LatencyTable measure_table(const SearchSpace& space, OpTimer& timer, const DeviceInfo& device,
                           const LatencyConfig& config, std::uint64_t seed, Log& log,
                           const StopToken& stop) {
  const Budget budget(config.budget_minutes);
  LatencyTable table{.space = space.description().name, .device = device};
  const std::vector<Block> blocks = distinct_blocks(space);
  QuietTimer quiet(timer, reference_block(blocks), config.sample_ms, stop);
  table.entries = measure_blocks(blocks, quiet, config, seed, budget, log);
  fit_and_judge(table, space, quiet, config, seed, budget, log);
  table.noise = quiet.noise();
  for (auto& [key, entry] : table.entries) {
    const double drift_ms = table.noise.drift_percent / 100.0 * entry.ms;
    entry.low = std::max(0.0, entry.ms - std::hypot(entry.ms - entry.low, drift_ms));
    entry.high = entry.ms + std::hypot(entry.high - entry.ms, drift_ms);
  }
  return table;
}

std::string launch_mode(const LatencyConfig& config, const std::string& device) {
  if (!is_cuda(device)) return "";
  return word_of(config.cuda == Launch::Auto ? Launch::Graph : config.cuda);
}

LatencyConfig settings_beside(const DeviceInfo& table, LatencyConfig config,
                              const std::string& device) {
  if (table.mode.empty() || !is_cuda(device)) return config;
  const std::string mode = table.mode == "mixed" ? "graph" : table.mode;
  if (config.cuda == Launch::Auto) config.cuda = parse_word<Launch>(mode).value_or(Launch::Graph);
  const auto check = [](const char* key, const std::string& wanted, const std::string& measured) {
    if (wanted == measured) return;
    throw Error(ErrorKind::Usage,
                fmt::format("the latency table was measured with {0}={1}, not {2}: set {0}={1}, or "
                            "measure another table",
                            key, measured, wanted));
  };
  check("latency.cuda", word_of(config.cuda), mode);
  check("latency.precision", word_of(config.precision), table.precision);
  return config;
}

std::vector<double> measure_networks(const SearchSpace& space, std::span<const Architecture> archs,
                                     OpTimer& timer, const LatencyConfig& config,
                                     std::uint64_t seed, Log& log, const StopToken& stop,
                                     MachineNoise* noise) {
  if (archs.empty()) return {};
  QuietTimer quiet(timer, reference_block(distinct_blocks(space)), config.sample_ms, stop);
  TimedNetworks timed = time_networks(NetworkTimes(space, archs, quiet, config.sample_ms),
                                      {.passes = passes_of(config)}, seed, log);
  if (noise != nullptr) *noise = quiet.noise();
  return std::move(timed.ms);
}

}  // namespace hsconas
