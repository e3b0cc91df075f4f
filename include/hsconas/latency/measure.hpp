#pragma once

#include <cstdint>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/table.hpp"

namespace hsconas {

/// Fills a table for `space` with `timer` and fits and judges its bias.
///
/// Every distinct block is timed once per round, in an order shuffled anew each round, so that a
/// drift of the machine hits all alike; the median over `config.rounds` stands. Then
/// `bias_networks` uniformly random networks are timed whole, in the same interleaved way; B is
/// the mean of measured - sum; `test_networks` others judge it.
/// Throws Error(Interrupted) when `stop` is requested; whatever the timer throws passes through.
LatencyTable measure_table(const SearchSpace& space, OpTimer& timer, const DeviceInfo& device,
                           const LatencyConfig& config, std::uint64_t seed, Log& log,
                           const StopToken& stop);

/// Median milliseconds of whole networks, each timed `rounds` times, interleaved.
std::vector<double> measure_networks(const SearchSpace& space, std::span<const Architecture> archs,
                                     OpTimer& timer, const LatencyConfig& config,
                                     std::uint64_t seed, const StopToken& stop);

/// Accuracy of `table` on its own held-out networks, with the bias or without it.
ModelAccuracy held_out_accuracy(const LatencyTable& table, bool with_bias);

}  // namespace hsconas
