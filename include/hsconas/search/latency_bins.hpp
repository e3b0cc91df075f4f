#pragma once

#include <span>
#include <vector>

#include "hsconas/score/scorer.hpp"
#include "hsconas/search/search.hpp"

namespace hsconas {

/// The most accurate candidate of each of `bins` equal ranges of latency between `fastest_ms` and
/// `slowest_ms`, fastest range first; none for a range without candidates. Latencies outside count
/// to the first and the last range; of equal accuracies the faster one wins.
std::vector<Candidate> best_per_bin(std::span<const Candidate> candidates, double fastest_ms,
                                    double slowest_ms, int bins);

/// The result of a search that chooses among the networks `archs` alone, of which there is at least
/// one. All are scored, each once. The best is the one with the highest F among those with
/// |latency / T - 1| <= `tolerance` or, where there is none, among all. The front is front_of()
/// the best per bin between the extremes of the space.
SearchResult choose_among(std::span<const Architecture> archs, Scorer& scorer, double tolerance,
                          int bins);

}  // namespace hsconas
