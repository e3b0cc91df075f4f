#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/codesign/methods.hpp"
#include "pair_archive.hpp"

namespace hsconas {

/// What a co-design method works with.
struct CodesignContext {
  const CodesignProblem& problem;
  const CodesignConfig& config;
  const SearchConfig& search_config;
  std::uint64_t seed = 0;
  Log& log;
  GroupStop stop;
  PairArchive& archive;
  std::vector<std::size_t> designs;  ///< Those inside the area limit.
  std::size_t proxy = 0;             ///< For methods that have one.

  /// The streams of a search, told apart by `index`. The run's seed and the search's are two
  /// numbers: a sum of them would make (1, 1) the same as (2, 0).
  Rng rng(std::uint64_t index = 0) const;
  bool has_networks() const { return !problem.networks.empty(); }
  /// Evaluates all given networks; their indices.
  std::vector<std::size_t> evaluate_networks();
  /// Tries all given networks, evaluated, on `on`.
  BestPairs sweep_networks(std::span<const std::size_t> on, const Limits& limits,
                           bool keep_pairs = false);
  /// Searches networks and `on` by search.method.
  BestPairs search(std::span<const std::size_t> on, const Limits& limits, Rng& rng,
                   const std::string& label);
};

/// The designs inside the area limit. Throws Error(Infeasible) that names the smallest design when
/// there is none.
std::vector<std::size_t> designs_inside(const CodesignProblem& problem);

/// Pairs that a search by search.method costs.
std::size_t searched_pairs(const SearchConfig& search);

}  // namespace hsconas
