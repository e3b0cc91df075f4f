#pragma once

#include <cstdint>
#include <functional>
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
  double mean_score = 0.0;  ///< Mean F of the generation's new architectures, those
                            ///< given up by what was seen of them.
};

struct SearchResult {
  Candidate best;
  std::vector<Candidate> scored;  ///< Every distinct architecture, in the order it was scored.
  std::vector<Generation> history;
};

/// An architecture of `subspace` within `tolerance` of the target: drawn uniformly, then moved by
/// random changes of one layer that come nearer until it is inside. Where a bounded number of
/// changes and fresh starts does not get there, the nearest one reached is returned. A target
/// outside the subspace's range widens the tolerance, see widened_tolerance(). Costs no
/// evaluations.
Architecture sample_near_target(const Subspace& subspace, const Scorer& scorer, double tolerance,
                                Rng& rng);

/// Evolution (`method` "evolution") or random search ("random") over `subspace`, by the config.
///
/// Evolution: a random population near the target; in each generation `population` children of the
/// `parents` best of all architectures so far (of equals, the one scored first). A child has two
/// parents (uniform crossover) with crossover_probability, else one; then every operator and width
/// mutates with mutation_probability; children that were scored before or lie outside the latency
/// tolerance are made again, at most ten times each, and the rest is filled with random
/// architectures near T. Random search draws the same number of distinct architectures near T.
///
/// With `racing` below 1, a candidate is judged no further once, at this confidence (that of each
/// look by itself; there is one after every batch of images), its F cannot
/// become that of a parent, or in the last generation and in random search the best one.
///
/// No architecture is scored twice, in canonical form. Evaluations: population x (generations + 1),
/// fewer only when the subspace runs out: when 500 draws in a row bring nothing new.
/// Throws Error(Infeasible) as check_target() does, Error(Interrupted) when `stop` is requested.
/// The same seeds take the same decisions, whatever of them is replayed from candidates.csv.
/// `on_generation`, when given, is called at the end of each.
/// Source: SPOS (Guo et al., arXiv 1904.00420), released code; HSCoNAS for F.
SearchResult search(const Subspace& subspace, Scorer& scorer, const SearchConfig& config,
                    std::uint64_t seed, Log& log, const StopToken& stop,
                    const std::function<void(const Generation&)>& on_generation = {});

}  // namespace hsconas
