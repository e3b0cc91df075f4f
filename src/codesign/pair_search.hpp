#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "hsconas/base/log.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/search/methods.hpp"
#include "pair_archive.hpp"

namespace hsconas {

/// Searches pairs of a network of the archive's problem and one of `designs` by a search method,
/// see run_search(). The fitness of a pair is the network's accuracy, then the energy-delay
/// product; pairs outside the limits rank behind all others, by how far, and cost no accuracy
/// evaluation.
BestPairs search_pairs(PairArchive& archive, std::span<const std::size_t> designs,
                       const Limits& limits, const SearchMethod& method, const SearchConfig& config,
                       Rng& rng, const std::string& label, Log& log, const GroupStop& stop);

}  // namespace hsconas
