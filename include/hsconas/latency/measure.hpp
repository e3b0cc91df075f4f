#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/op_timer.hpp"
#include "hsconas/latency/table.hpp"

namespace hsconas {

/// All distinct blocks that a table of `space` must hold: those of all layers, operators and
/// widths, the stem and the head, ordered by key. Identities are left out: they cost nothing.
std::vector<Block> distinct_blocks(const SearchSpace& space);

/// The block with the median number of multiply-adds, whose time is dominated neither by the
/// clock's resolution nor by one cache level. `blocks` is not empty.
const Block& reference_block(const std::vector<Block>& blocks);

/// Measures a latency table of `space`, fits its correction and judges it.
///
/// Blocks: each is timed once per round, in a new random order so that a drift of the machine
/// affects all alike, and prepared anew, so that the placement of memory is part of the spread. A
/// timing is the mean of as many runs back to back as last `sample_ms`. An entry is the median over
/// the rounds with its bootstrap interval. After `config.rounds` rounds, entries whose interval is
/// still wider than `interval_percent` get more of them, until a third of `budget_minutes` is gone.
///
/// Noise: a reference block is timed after every few others; timings next to a slow one are
/// dropped.
///
/// Networks, see draw_networks(): the correction is fitted on `bias_networks` and judged on
/// `test_networks` of each kind, which are timed twice. Each network is timed `rounds` times, in
/// passes of three between which all are shuffled and prepared anew, then further until the median
/// interval is at most `interval_percent`. If the budget demands it they are timed fewer times (at
/// least 3), with a warning.
///
/// Throws Error(Interrupted) when `stop` is requested, Error(Device) when the timer returns no
/// valid time; errors of the timer pass through.
LatencyTable measure_table(const SearchSpace& space, OpTimer& timer, const DeviceInfo& device,
                           const LatencyConfig& config, std::uint64_t seed, Log& log,
                           const StopToken& stop);

/// Median milliseconds of whole networks, each timed `rounds` times (rounded up to a multiple of
/// three) and interleaved with others. At most 24 are prepared at once, so that memory stays
/// bounded. `noise`, if given, receives the machine's noise meanwhile. Throws the errors of
/// measure_table().
std::vector<double> measure_networks(const SearchSpace& space, std::span<const Architecture> archs,
                                     OpTimer& timer, const LatencyConfig& config,
                                     std::uint64_t seed, Log& log, const StopToken& stop,
                                     MachineNoise* noise = nullptr);

/// How passes are launched on `device` under latency.cuda: "graph" or "eager"; "" on a CPU.
std::string launch_mode(const LatencyConfig& config, const std::string& device);

/// The settings that time networks in the way the blocks of `table` were timed, so that measured
/// and predicted times can be compared: latency.cuda "auto" becomes the table's mode. They stay as
/// they are if `device` is no GPU or the table's mode is unknown. Throws Error(Usage) if the table
/// was measured on a GPU in another mode or precision than `config` asks for.
LatencyConfig settings_beside(const DeviceInfo& table, LatencyConfig config,
                              const std::string& device);

}  // namespace hsconas
