#include "hsconas/search/latency_bins.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

int bin_of(double ms, double fastest_ms, double slowest_ms, int bins) {
  if (slowest_ms <= fastest_ms) return 0;
  const double position = (ms - fastest_ms) / (slowest_ms - fastest_ms);
  return static_cast<int>(std::clamp(position * bins, 0.0, bins - 1.0));
}

/// Whether `a` precedes `b` as a result: within the tolerance first, then by F.
bool is_better_result(const Candidate& a, const Candidate& b, const Scorer& scorer,
                      double tolerance) {
  const bool a_is_near = scorer.gap(a.arch) <= tolerance;
  const bool b_is_near = scorer.gap(b.arch) <= tolerance;
  return a_is_near != b_is_near ? a_is_near : a.score > b.score;
}

}  // namespace

std::vector<Candidate> best_per_bin(std::span<const Candidate> candidates, double fastest_ms,
                                    double slowest_ms, int bins) {
  std::vector<std::optional<Candidate>> best(static_cast<std::size_t>(bins));
  for (const Candidate& candidate : candidates) {
    const int bin = bin_of(candidate.latency_ms, fastest_ms, slowest_ms, bins);
    std::optional<Candidate>& kept = best[static_cast<std::size_t>(bin)];
    const bool is_better =
        !kept || candidate.accuracy > kept->accuracy ||
        (candidate.accuracy == kept->accuracy && candidate.latency_ms < kept->latency_ms);
    if (is_better) kept = candidate;
  }
  std::vector<Candidate> found;
  for (std::optional<Candidate>& kept : best) {
    if (kept) found.push_back(std::move(*kept));
  }
  return found;
}

SearchResult choose_among(std::span<const Architecture> archs, Scorer& scorer, double tolerance,
                          int bins) {
  std::vector<Architecture> distinct;
  std::set<Architecture> seen;
  for (const Architecture& arch : archs) {
    Architecture canonical = scorer.space().canonical(arch);
    if (seen.insert(canonical).second) distinct.push_back(std::move(canonical));
  }
  SearchResult result;
  result.scored = scorer.score(distinct);
  const Candidate* best = &result.scored.front();
  for (const Candidate& candidate : result.scored) {
    if (is_better_result(candidate, *best, scorer, tolerance)) best = &candidate;
  }
  result.best = *best;
  const LatencyRange range = latency_range(scorer.latency(), Subspace::full(scorer.space()));
  result.front = front_of(best_per_bin(result.scored, range.fastest_ms, range.slowest_ms, bins));
  return result;
}

}  // namespace hsconas
