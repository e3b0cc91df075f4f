#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/model.hpp"

namespace hsconas {

/// The networks that a table is fitted on and judged by. All are different.
struct NetworkDraw {
  std::vector<Architecture> calibration;  ///< Half of them random, half spread.
  std::vector<Architecture> test;         ///< Uniformly random.
  std::vector<Architecture> test_spread;  ///< Spread evenly over the range of latencies.
};
/// Draws as many networks as `config` asks for; `model` only has to rank them. If the space has
/// fewer, they are shared among the three lists in proportion, and a warning is logged.
NetworkDraw draw_networks(const SearchSpace& space, const LatencyModel& model,
                          const LatencyConfig& config, std::uint64_t seed, Log& log);

/// `count` different architectures whose predictions are spread evenly from the fastest to the
/// slowest, none of them in `taken`, to which they are added; fewer if the space runs out of them.
std::vector<Architecture> spread_architectures(const SearchSpace& space, const LatencyModel& model,
                                               std::size_t count, std::set<Architecture>& taken,
                                               Rng& rng);

}  // namespace hsconas
