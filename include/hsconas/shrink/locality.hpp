#pragma once

#include <cstdint>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// How shrink_to_balls() shrinks; the defaults are those of the config.
struct LocalityOptions {
  int samples = 100;                ///< Networks that are scored in each region.
  int seeds = 10;                   ///< Best networks whose neighbourhoods are the next region.
  int radius = 1;                   ///< See Balls.
  int rounds = 5;                   ///< Regions that are tried at most.
  double latency_tolerance = 0.05;  ///< Of the scored networks.
  /// By how many of its standard errors the mean score must rise from one region to the next.
  double standard_errors = 0.0;
};

/// Finds pockets of good networks. Each round scores `samples` different networks of the region
/// near the latency budget, and makes the next region of the balls around the `seeds` best of all
/// networks scored so far. It ends when the mean score of a region has not risen over that of the
/// region before by `standard_errors` standard errors of the difference, or when the region has not
/// become smaller or holds nothing that meets the target: the region before is what is left. The
/// balls may leave the region that they come from, by up to `radius` layers, but not the subspace
/// in which it lies.
///
/// Unlike a decision layer by layer, this keeps good networks with operators that are bad on
/// average. The region itself knows no latency; only what is scored lies near the budget.
/// `stream` tells the random streams of several stages apart. Logs a line per round. Throws
/// Error(Interrupted) when `stop` is requested, and Error(Internal) for a region that lies in no
/// subspace. Takes the same decisions again from a cache.
/// Source: LISSNAS (Gopal et al., IJCAI 2023); what it leaves open is ours.
/// Cost: at most samples x (rounds + 1) evaluations.
ShrunkRegion shrink_to_balls(const NetworkRegion& region, const LocalityOptions& options,
                             Scorer& scorer, std::uint64_t seed, std::uint64_t stream, Log& log,
                             const GroupStop& stop);

}  // namespace hsconas
