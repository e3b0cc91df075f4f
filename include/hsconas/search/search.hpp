#pragma once

#include <cstdint>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

/// What one generation ended with.
struct Generation {
  int evaluations = 0;      ///< Distinct architectures scored so far.
  double best_score = 0.0;  ///< Best F so far; never decreases.
  double mean_score = 0.0;  ///< Mean F of the generation's new architectures.
};

struct SearchResult {
  Candidate best;
  std::vector<Candidate> scored;  ///< Every distinct architecture, in the order it was scored.
  std::vector<Generation> history;
};

/// An architecture of `subspace` within `tolerance` of the target: drawn uniformly, then moved by
/// random single changes that come nearer until it is inside. Where even that fails, the nearest
/// one reached is returned. Costs no evaluations.
Architecture sample_near_target(const Subspace& subspace, const Scorer& scorer, double tolerance,
                                Rng& rng);

/// Evolution (`method` "evolution") or random search ("random") over `subspace`, by the config.
///
/// Evolution: a random population near the target; in each generation `population` children of the
/// `parents` best of all architectures so far. A child has two parents (uniform crossover) with
/// crossover_probability, else one; then every operator and width mutates with
/// mutation_probability; children that were scored before or lie outside the latency tolerance are
/// made again, at most ten times each, and the rest is filled with random architectures near T.
/// Random search draws the same number of distinct architectures near T.
/// Evaluations: population x (generations + 1), fewer only when the subspace runs out.
/// Source: SPOS (Guo et al., arXiv 1904.00420), released code; HSCoNAS for F.
SearchResult search(const Subspace& subspace, Scorer& scorer, const SearchConfig& config,
                    std::uint64_t seed, Log& log, const StopToken& stop);

}  // namespace hsconas
