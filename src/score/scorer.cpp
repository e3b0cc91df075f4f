#include "hsconas/score/scorer.hpp"

#include <limits>
#include <utility>

namespace hsconas {

Scorer::Scorer(const SearchSpace& space, Evaluator& evaluator, const LatencyModel& latency,
               Objective objective, const std::filesystem::path& csv, const GroupFiles& files)
    : own_accuracies_(std::make_unique<AccuracyCache>(
          space, evaluator, csv,
          [&latency, objective](const Architecture& arch, double accuracy) {
            const double ms = latency.predict_ms(arch);
            return AccuracyCache::Columns{ms, objective.score(accuracy, ms)};
          },
          files)),
      accuracies_(*own_accuracies_),
      latency_(latency),
      objective_(objective) {}

std::vector<Candidate> Scorer::score(std::span<const Architecture> archs) {
  return score_above(
      archs, {.score = -std::numeric_limits<double>::infinity(), .confidence = 1.0, .rivals = {}});
}

std::vector<Candidate> Scorer::score_above(std::span<const Architecture> archs,
                                           const Floor& floor) {
  std::vector<Architecture> canonical;
  std::vector<double> latencies;
  Race race{.floors = {}, .confidence = floor.confidence, .rivals = floor.rivals};
  for (const Architecture& arch : archs) {
    space().check(arch);
    canonical.push_back(space().canonical(arch));
    latencies.push_back(latency_ms(canonical.back()));
    // The accuracy with which it reaches the floor.
    race.floors.push_back(floor.score - objective_.score(0.0, latencies.back()));
  }
  const std::vector<Judgement> judgements = accuracies_.judgements(canonical, race);
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < canonical.size(); ++i) {
    candidates.push_back({.arch = std::move(canonical[i]),
                          .accuracy = judgements[i].accuracy,
                          .latency_ms = latencies[i],
                          .score = objective_.score(judgements[i].accuracy, latencies[i]),
                          .at_most = judgements[i].at_most,
                          .images = judgements[i].images});
  }
  return candidates;
}

}  // namespace hsconas
