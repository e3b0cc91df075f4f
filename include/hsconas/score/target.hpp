#pragma once

#include "hsconas/config/config.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/score/objective.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// T and beta of a config. `range` is that of the latency model over the whole space. Throws
/// Error(Data) if the model predicts no time for all networks, or for the one at T.
Objective objective_of(const Config& config, const LatencyRange& range);

/// Whether the fastest architecture of `region` takes at most (1 + tolerance) x the target.
/// Cost: that of latency_range().
bool meets_target(const LatencyModel& model, const NetworkRegion& region,
                  const Objective& objective, double tolerance = 0.0);

/// Throws Error(Infeasible) unless meets_target(); the message says what the fastest takes.
///
/// A target above the slowest architecture is legal: the budget is then met by all of them, and
/// the slowest, largest ones make the best use of it. See widened_tolerance().
/// Cost: that of latency_range().
void check_target(const LatencyModel& model, const NetworkRegion& region,
                  const Objective& objective, double tolerance = 0.0);

/// The largest |latency / target - 1| that counts as near the target: `tolerance`, plus the gap
/// that no architecture of `region` can avoid where the target lies outside its range.
/// Cost: that of latency_range().
double widened_tolerance(const LatencyModel& model, const NetworkRegion& region,
                         const Objective& objective, double tolerance);

}  // namespace hsconas
