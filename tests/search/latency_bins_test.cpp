#include "hsconas/search/latency_bins.hpp"

#include <vector>

#include "catch.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

Candidate at(double ms, double accuracy) {
  return {.arch = {}, .accuracy = accuracy, .latency_ms = ms};
}

}  // namespace

TEST_CASE("each latency bin keeps its most accurate candidate, the faster of equal ones",
          "[search]") {
  const std::vector<Candidate> candidates{at(1.1, 0.3), at(1.9, 0.5), at(2.5, 0.4), at(2.1, 0.4),
                                          at(4.9, 0.9), at(0.5, 0.6), at(7.0, 0.8)};
  const auto best = best_per_bin(candidates, 1.0, 5.0, 4);
  REQUIRE(best.size() == 3);
  CHECK(best[0].latency_ms == 0.5);  // Outside counts to the first bin.
  CHECK(best[1].latency_ms == 2.1);
  CHECK(best[2].latency_ms == 4.9);
  CHECK(best_per_bin(candidates, 1.0, 5.0, 1).front().accuracy == 0.9);
  CHECK(best_per_bin(candidates, 2.0, 2.0, 5).size() == 1);
  CHECK(best_per_bin({}, 1.0, 5.0, 4).empty());
}

TEST_CASE("the choice among networks is the best F near T, or the best F if none is near",
          "[search]") {
  const SearchSpace space = tiny_space();
  FakeEvaluator evaluator(space);
  const FakeLatency latency(space);
  const auto all = enumerate(Subspace::full(space));
  const LatencyRange range = latency_range(latency, Subspace::full(space));
  const Objective objective{.target_ms = 0.5 * (range.fastest_ms + range.slowest_ms), .beta = -0.1};
  Scorer scorer(space, evaluator, latency, objective);
  const SearchResult found = choose_among(all, scorer, 0.05, 6);
  CHECK(found.scored.size() < all.size());  // Equal networks are scored once.
  CHECK(scorer.gap(found.best.arch) <= 0.05);
  bool has_better_far_away = false;
  for (const Candidate& candidate : found.scored) {
    if (scorer.gap(candidate.arch) <= 0.05) CHECK(candidate.score <= found.best.score);
    has_better_far_away |= candidate.score > found.best.score;
  }
  CHECK(has_better_far_away);
  CHECK(found.front.size() > 2);
  CHECK(found.front.size() <= 6);
  for (std::size_t i = 1; i < found.front.size(); ++i) {
    CHECK(found.front[i].latency_ms > found.front[i - 1].latency_ms);
    CHECK(found.front[i].accuracy > found.front[i - 1].accuracy);
  }
  const std::vector<Architecture> extremes{range.fastest, range.slowest, range.fastest};
  const SearchResult far = choose_among(extremes, scorer, 0.05, 6);
  CHECK(far.scored.size() == 2);
  CHECK(far.best.score == std::max(far.scored[0].score, far.scored[1].score));
}
