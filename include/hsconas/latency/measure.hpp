#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/table.hpp"

namespace hsconas {

/// Every different block that a table of `space` must hold: those of all layers, operators and
/// widths, the stem and the head, in the order of their keys. Blocks that pass their input on are
/// left out: they cost nothing.
std::vector<Block> distinct_blocks(const SearchSpace& space);

/// Fills a table for `space` with `timer` and fits and judges its bias.
///
/// Every distinct block is first run once to warm up, then gets as many runs back to back as make
/// one timing last `sample_ms`. It is timed once per round, in an order shuffled anew each round,
/// so that a drift of the machine hits all alike; the median over `config.rounds` stands. Then
/// `bias_networks` uniformly random networks are timed whole, in the same interleaved way; B is
/// the mean of measured - sum; `test_networks` others judge it. The mean needs no guard against
/// outliers: what is averaged are medians over rounds already.
/// All of these networks are different. A space with fewer than were asked for shares what it has
/// between the two purposes, in proportion, with a warning.
/// Throws Error(Interrupted) when `stop` is requested, Error(Device) when the timer's answer is no
/// time; whatever the timer throws passes through.
LatencyTable measure_table(const SearchSpace& space, OpTimer& timer, const DeviceInfo& device,
                           const LatencyConfig& config, std::uint64_t seed, Log& log,
                           const StopToken& stop);

/// Median milliseconds of whole networks, each timed `rounds` times, interleaved with those of its
/// group: at most 24 are ready at once, so that memory stays bounded. Errors as measure_table().
std::vector<double> measure_networks(const SearchSpace& space, std::span<const Architecture> archs,
                                     OpTimer& timer, const LatencyConfig& config,
                                     std::uint64_t seed, Log& log, const StopToken& stop);

/// Accuracy of `table` on its own held-out networks, with the bias or without it.
ModelAccuracy held_out_accuracy(const LatencyTable& table, bool with_bias);

}  // namespace hsconas
