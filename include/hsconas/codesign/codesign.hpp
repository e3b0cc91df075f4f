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
#include "hsconas/score/scorer.hpp"

namespace hsconas {

/// What a search for a network and an accelerator chooses from, and what it asks. The referenced
/// objects must outlive it.
struct CodesignProblem {
  Scorer& scorer;              ///< Accuracies; its latency model and objective are not asked.
  const PairCostModel& costs;  ///< Of the designs, in their order.
  const DesignSpace& designs;
  Limits limits;
  /// The networks to choose from, in canonical form; none: the scorer's whole space, by evolution.
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

/// Searches by `config.method` for the pair with the highest accuracy inside the limits; of equally
/// accurate ones the lowest energy-delay product.
///
/// coupled: every network on every design where networks are given and the pairs are at most
/// config.exhaustive_pairs, else evolution over both: an individual is a network and a design,
/// children mutate operators, widths and the design's values on its axes alike. Pairs beyond the
/// limits rank behind all others, by how far, and cost no accuracy evaluation.
/// decoupled: the best network inside the limits on the proxy, then the best design for it.
/// semi_decoupled (Lu et al., arXiv 2203.13921): stage 1 solves on the proxy for a grid of latency
/// and energy limits (quantiles of what networks cost there), whose solutions are the set P;
/// stage 2 tries the networks of P, and no others, on every design. With limit_levels 0 and
/// given networks, P is the proxy's whole front of accuracy, latency and energy: where all designs
/// rank networks alike, it then holds the optimum for any limits. Without given networks, every
/// pair of limits is an evolution of its own; 0 means 5 x 5 of them. random: as many random pairs
/// inside the limits as evolution would try.
///
/// Designs above the area limit are left out beforehand. Throws Error(Infeasible) that names the
/// nearest pair when none that was tried meets the limits, Error(Usage) for an unknown proxy,
/// Error(Interrupted) when `stop` is requested. The same seed takes the same decisions.
CodesignResult codesign(const CodesignProblem& problem, const CodesignConfig& config,
                        const SearchConfig& search, std::uint64_t seed, Log& log,
                        const StopToken& stop);

/// The design of `config.proxy`, or the middle one.
std::size_t proxy_of(const DesignSpace& designs, const CodesignConfig& config);

/// How alike designs rank networks: Spearman correlations, NaN where all networks cost the same.
struct RankCorrelations {
  std::vector<double> latency;
  std::vector<double> energy;
};

/// Of `proxy` with each of `designs`. Cost: networks x designs pairs.
RankCorrelations rank_correlations(const PairCostModel& costs,
                                   std::span<const Architecture> networks, std::size_t proxy,
                                   std::span<const std::size_t> designs);

/// Of each of `designs` with each: square matrices, row-major.
RankCorrelations rank_matrix(const PairCostModel& costs, std::span<const Architecture> networks,
                             std::span<const std::size_t> designs);

}  // namespace hsconas
