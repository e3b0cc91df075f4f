#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/design_space.hpp"
#include "hsconas/codesign/pair.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/score/accuracy_cache.hpp"

namespace hsconas {

/// What a search for a network and an accelerator chooses from, and what it asks. The referenced
/// objects must outlive it.
struct CodesignProblem {
  AccuracyCache& accuracies;
  const PairCostModel& costs;  ///< Its designs are those of `designs`, in their order.
  const DesignSpace& designs;
  Limits limits;
  /// The networks to choose from, in canonical form; none: the whole space of `accuracies`.
  std::span<const Architecture> networks;
};

/// What a search cost. M networks, N designs, P of K networks: coupled M N pairs, decoupled M + N,
/// semi-decoupled M + K N.
struct CodesignCounts {
  std::int64_t networks = 0;  ///< Different networks whose accuracy was asked for.
  std::int64_t pairs = 0;     ///< Pairs that were costed.
};

struct CodesignResult {
  std::vector<Architecture> networks;  ///< What the pairs' network indices mean.
  Pair best;                           ///< Meets the limits.
  std::vector<Pair> front;   ///< Of the pairs that meet the limits, highest accuracy first.
  std::vector<Pair> scored;  ///< Every pair, in the order of the search, up to `pairs_written`;
  bool is_complete = true;   ///< else not all of them.
  std::optional<std::size_t> proxy;  ///< Decoupled and semi-decoupled: index of the design.
  std::vector<Pair> proxy_set;       ///< Semi-decoupled: P, on the proxy, highest accuracy first.
  CodesignCounts counts;
};

/// Searches by config.method (see codesign_methods()) for the pair with the highest accuracy inside
/// the limits; of equally accurate pairs, the one with the lowest energy-delay product.
///
/// Where too many pairs would have to be tried, search.method searches networks, or networks and
/// designs together: the axes of a design then follow those of a network. Pairs outside the limits
/// rank behind all others, by how far, and cost no accuracy evaluation.
///
/// semi_decoupled with limit_levels 0 and given networks takes the proxy's whole front of accuracy,
/// latency and energy to stage 2: where all designs rank networks alike, this set holds the optimum
/// for any limits. Without given networks every pair of limits is a search of its own; 0 means 5 x
/// 5 of them.
///
/// Designs above the area limit are left out beforehand. Throws Error(Infeasible) that names the
/// nearest pair when none that was tried meets the limits, Error(Usage) for an unknown proxy,
/// Error(Interrupted) when `stop` is requested. The same seed takes the same decisions.
CodesignResult codesign(const CodesignProblem& problem, const CodesignConfig& config,
                        const SearchConfig& search, std::uint64_t seed, Log& log,
                        const GroupStop& stop);

/// The design of `config.proxy`, or the middle one.
std::size_t proxy_of(const DesignSpace& designs, const CodesignConfig& config);

}  // namespace hsconas
