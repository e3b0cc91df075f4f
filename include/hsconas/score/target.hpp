#pragma once

#include "hsconas/latency/model.hpp"
#include "hsconas/score/objective.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

/// Throws Error(Infeasible) when even the fastest architecture of `subspace` takes more than
/// (1 + tolerance) x the target; the message says what the fastest takes.
///
/// A target above the slowest architecture is legal: the budget is then met by all of them, and
/// the slowest, largest ones make the best use of it. See widened_tolerance().
/// Cost: that of latency_range().
void check_target(const LatencyModel& model, const Subspace& subspace, const Objective& objective,
                  double tolerance = 0.0);

/// The largest |latency / target - 1| that counts as near the target: `tolerance`, plus the gap
/// that no architecture of `subspace` can avoid where the target lies outside its range.
/// Cost: that of latency_range().
double widened_tolerance(const LatencyModel& model, const Subspace& subspace,
                         const Objective& objective, double tolerance);

}  // namespace hsconas
