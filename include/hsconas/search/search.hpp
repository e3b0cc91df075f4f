#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/search/driver.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

struct SearchResult {
  /// The one with the highest F. Of a method that finds a front: the most accurate within T, or the
  /// fastest where none is, because F would punish one for being faster than T.
  Candidate best;
  std::vector<Candidate> scored;  ///< Every distinct architecture, in the order it was scored.
  std::vector<Generation> history;
  /// Of a method that finds a front: the candidates that no other one beats in accuracy and
  /// latency, the fastest first. Else empty.
  std::vector<Candidate> front;
};

/// A network that TargetSampler draws. To draw many, make a TargetSampler.
Architecture sample_near_target(const NetworkRegion& region, const Scorer& scorer, double tolerance,
                                Rng& rng);

/// The candidates that no other one beats in accuracy and latency, the fastest first; of equal ones
/// the first.
std::vector<Candidate> front_of(std::span<const Candidate> candidates);

/// Searches `region` for the architecture with the highest F by config.method, as run_search()
/// describes: the limits are |latency / T - 1| <= latency_tolerance and those of `scorer`, and
/// random individuals come from a TargetSampler. For a method that finds a front, the limit of the
/// latency is T (1 + latency_tolerance), and the random individuals lie anywhere below it.
/// Architectures are bred as they were drawn, so that they stay inside the region, and told apart
/// by their canonical form.
///
/// `embeddings`, if not null, hold all networks of the region, for methods that use them.
///
/// Throws Error(Usage) for an unknown method, Error(Infeasible) as check_budget() does,
/// Error(Interrupted) when `stop` is requested. The same seeds take the same decisions.
/// Source of F: HSCoNAS (Luo et al., DATE 2021).
SearchResult search(const NetworkRegion& region, Scorer& scorer, const SearchConfig& config,
                    std::uint64_t seed, Log& log, const GroupStop& stop,
                    const std::function<void(const Generation&)>& on_generation = {},
                    const Embeddings* embeddings = nullptr);

}  // namespace hsconas
