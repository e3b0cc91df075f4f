#pragma once

#include <string>

#include "hsconas/latency/model.hpp"
#include "hsconas/score/inside.hpp"
#include "hsconas/score/limits.hpp"
#include "hsconas/score/objective.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// Throws Error(Infeasible) unless a network of `region` takes at most (1 + tolerance) x T and
/// keeps to all of `limits`; without limits as check_target(). The message names limits that
/// exclude each other and, for each of them, a value with which they can be met: the smallest one
/// where find_inside() is certain. An infinite tolerance leaves T out.
/// Returns a network that is inside.
Architecture check_budget(const SearchSpace& space, const LatencyModel& model,
                          const NetworkRegion& region, const Objective& objective,
                          const NetworkLimits& limits, double tolerance = 0.0);

/// A network of `region` that takes at most T and keeps to the limits of `scorer`; empty if there
/// is none or, where find_inside() is not certain, if none was found.
Architecture find_feasible(const NetworkRegion& region, const Scorer& scorer);

/// check_budget() for the limits alone, before latencies are known.
void check_limits(const NetworkRegion& region, const NetworkLimits& limits);

/// A line for each limit with the range of its quantity over the space, and one with the share of
/// random networks that keep to all of them; empty without limits.
std::string describe_limits(const SearchSpace& space, const NetworkLimits& limits);

}  // namespace hsconas
