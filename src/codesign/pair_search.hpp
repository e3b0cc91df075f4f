#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/search/methods.hpp"
#include "hsconas/search/strategy.hpp"
#include "pair_archive.hpp"

namespace hsconas {

/// The fitness of pairs whose costs are known: the accuracy of the network, then the energy-delay
/// product. Pairs that miss `limits` cost no accuracy evaluation. Adds all of them to the archive
/// and to `scored`.
std::vector<Fitness> score_pairs(PairArchive& archive, const Limits& limits,
                                 std::vector<Pair> pairs, std::vector<Pair>& scored);

/// Searches pairs of a network of the archive's problem and one of `designs` by a search method,
/// see run_search() and score_pairs(). Pairs outside the limits rank behind all others, by how far.
BestPairs search_pairs(PairArchive& archive, std::span<const std::size_t> designs,
                       const Limits& limits, const SearchMethod& method, const SearchConfig& config,
                       Rng& rng, const std::string& label, Log& log, const GroupStop& stop);

}  // namespace hsconas
