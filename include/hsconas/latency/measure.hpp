#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/op_timer.hpp"
#include "hsconas/latency/table.hpp"

namespace hsconas {

/// Every different block that a table of `space` must hold: those of all layers, operators and
/// widths, the stem and the head, in the order of their keys. Blocks that pass their input on are
/// left out: they cost nothing.
std::vector<Block> distinct_blocks(const SearchSpace& space);

/// The block with the median number of multiply-adds: neither the clock's grain nor one cache level
/// rules its time. `blocks` is not empty.
const Block& reference_block(const std::vector<Block>& blocks);

/// The networks a table is fitted on and judged by. All are different.
struct NetworkDraw {
  std::vector<Architecture> calibration;  ///< Half of them random, half spread.
  std::vector<Architecture> test;         ///< Uniformly random.
  std::vector<Architecture> test_spread;  ///< Spread evenly over the range of latencies.
};
/// As many as `config` says; `model` need only know which network takes longer than which. A space
/// with fewer shares what it has between the purposes, in proportion, with a warning.
NetworkDraw draw_networks(const SearchSpace& space, const LatencyModel& model,
                          const LatencyConfig& config, std::uint64_t seed, Log& log);

/// Fills a table for `space` with `timer`, fits its correction and judges it.
///
/// Blocks: timed once per round, in an order shuffled anew each round so that a drift of the
/// machine hits all alike, and readied anew each round, so that where the memory happens to lie is
/// part of the spread; a timing is the mean of as many runs back to back as last `sample_ms`. The
/// median over the rounds stands, with its bootstrap interval. After `config.rounds` rounds those
/// entries go on whose interval is still wider than `interval_percent`, until a third of
/// `budget_minutes` is spent.
/// Noise: a reference block is timed after every few others; timings next to a slow one are
/// dropped.
/// Networks: `bias_networks` to fit the correction on, half of them uniformly random, half spread
/// evenly over the range of latencies; further `test_networks` of each kind to judge it, timed
/// twice. Each is timed `rounds` times, in passes of three between which everything is shuffled and
/// readied anew, then on until the median interval is as narrow as asked; fewer times (at least 3),
/// with a warning, where the budget demands it.
/// See draw_networks() for spaces with too few of them.
/// Throws Error(Interrupted) when `stop` is requested, Error(Device) when the timer's answer is no
/// time; whatever the timer throws passes through.
LatencyTable measure_table(const SearchSpace& space, OpTimer& timer, const DeviceInfo& device,
                           const LatencyConfig& config, std::uint64_t seed, Log& log,
                           const StopToken& stop);

/// Median milliseconds of whole networks, each timed `rounds` times (rounded up to a multiple of
/// three), interleaved with others: at most 24 are ready at once, so that memory stays bounded.
/// `noise`, when given, says how the machine was meanwhile. Errors as measure_table().
std::vector<double> measure_networks(const SearchSpace& space, std::span<const Architecture> archs,
                                     OpTimer& timer, const LatencyConfig& config,
                                     std::uint64_t seed, Log& log, const StopToken& stop,
                                     MachineNoise* noise = nullptr);

/// How passes are launched on `device` under latency.cuda: "graph" or "eager"; "" on a CPU.
std::string launch_mode(const LatencyConfig& config, const std::string& device);

/// The settings that time networks as the blocks of `table` were timed, so that measured times may
/// be held against predicted ones: latency.cuda "auto" becomes the table's mode. A table of another
/// kind of device leaves them as they are. Throws Error(Usage) where the table was measured on a
/// GPU in another mode or precision than `config` asks for.
LatencyConfig settings_beside(const DeviceInfo& table, LatencyConfig config,
                              const std::string& device);

/// `count` different architectures whose predictions are spread evenly from the fastest to the
/// slowest; fewer where the space runs out of them or `taken` holds them. `taken` grows by them.
std::vector<Architecture> spread_architectures(const SearchSpace& space, const LatencyModel& model,
                                               std::size_t count, std::set<Architecture>& taken,
                                               Rng& rng);

}  // namespace hsconas
