#pragma once

#include <cstddef>
#include <optional>

#include "hsconas/codesign/codesign.hpp"

namespace hsconas {

/// Whether all pairs of `networks` known networks and `designs` designs may be tried: there are at
/// most config.exhaustive_pairs. False if no network is known.
bool may_try_all(const CodesignConfig& config, std::size_t networks, std::size_t designs);

/// The best of all pairs.
struct OptimalPair {
  Architecture network;
  std::size_t design = 0;
  double accuracy = 0.0;
  PairCost cost;
};

/// The best pair of problem.networks and all designs inside the limits, by the order of
/// is_better(); none if no pair meets the limits. The networks are tried from the most accurate
/// one on, up to the last one that is as accurate as the optimum.
/// Cost: their number x designs. Throws Error(Infeasible) when no design meets the area limit and
/// Error(Interrupted) when `stop` is requested.
std::optional<OptimalPair> optimal_pair(const CodesignProblem& problem, const GroupStop& stop);

}  // namespace hsconas
