#include "hsconas/search/search.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "hsconas/base/rng.hpp"
#include "hsconas/latency/latency_space.hpp"
#include "hsconas/score/target.hpp"
#include "hsconas/search/front.hpp"

namespace hsconas {

namespace {

/// A random network of at most `highest_ms` or, where few are, one near a random latency below.
Architecture sample_below(const NetworkRegion& region, const Scorer& scorer, double highest_ms,
                          double tolerance, Rng& rng) {
  constexpr int kSampleTries = 10;
  constexpr int kChangesToGoal = 100;
  Architecture arch;
  for (int attempt = 0; attempt < kSampleTries; ++attempt) {
    arch = sample(region, rng);
    if (scorer.latency_ms(arch) <= highest_ms) return arch;
  }
  const double fastest_ms = latency_range(scorer.latency(), region).fastest_ms;
  // Near this latency, within the tolerance, is still below the highest.
  const double goal_ms =
      rng.uniform(fastest_ms, std::max(fastest_ms, highest_ms / (1.0 + tolerance)));
  return walk_to_latency(arch, scorer.latency(), region, goal_ms, tolerance, kChangesToGoal, rng);
}

/// Networks of a region near the latency budget or, with `is_front`, below it, scored by F.
class NetworkProblem : public SearchProblem {
 public:
  NetworkProblem(const NetworkRegion& region, Scorer& scorer, double tolerance, bool is_front)
      : region_(region),
        scorer_(scorer),
        tolerance_(tolerance),
        widened_(widened_tolerance(scorer.latency(), region, scorer.objective(), tolerance)),
        is_front_(is_front) {}

  const Region& region() const override { return region_; }

  Genes canonical(const Genes& genes) const override {
    return genes_of(scorer_.space().canonical(architecture_of(genes)));
  }

  double violation(const Genes& genes) const override {
    const double ms = scorer_.latency_ms(architecture_of(genes));
    if (is_front_) return std::max(0.0, ms / highest_ms() - 1.0);
    const double gap = scorer_.objective().gap(ms);
    return gap <= widened_ ? 0.0 : gap;
  }

  Genes random(Rng& rng) const override {
    return genes_of(is_front_ ? sample_below(region_, scorer_, highest_ms(), tolerance_, rng)
                              : sample_near_target(region_, scorer_, tolerance_, rng));
  }

  /// The largest latency of a front.
  double highest_ms() const { return scorer_.objective().target_ms * (1.0 + tolerance_); }
  /// See Generation::hypervolume; of the first `count` scored.
  double hypervolume(std::size_t count) const;

  std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                const SearchFloor& floor) override;

  std::vector<Candidate> scored;

 private:
  const NetworkRegion& region_;
  Scorer& scorer_;
  double tolerance_;
  double widened_;
  bool is_front_;
};

double NetworkProblem::hypervolume(std::size_t count) const {
  std::vector<Objectives> points;
  for (std::size_t i = 0; i < count; ++i) {
    points.push_back({1.0 - scored[i].accuracy, scored[i].latency_ms / highest_ms()});
  }
  return hsconas::hypervolume(points, {1.0, 1.0});
}

std::vector<Fitness> NetworkProblem::evaluate(std::span<const Genes> individuals,
                                              const SearchFloor& floor) {
  std::vector<Architecture> archs;
  for (const Genes& genes : individuals) archs.push_back(architecture_of(genes));
  Scorer::Floor scorer_floor{.score = floor.score, .confidence = floor.confidence, .rivals = {}};
  for (const Genes& genes : floor.rivals) {
    scorer_floor.rivals.push_back(scorer_.space().canonical(architecture_of(genes)));
  }
  std::vector<Fitness> fitness;
  for (Candidate& candidate : scorer_.score_above(archs, scorer_floor)) {
    // The nearest networks there are count as inside where none lies within the tolerance.
    fitness.push_back(
        {.score = candidate.score, .objectives = {1.0 - candidate.accuracy, candidate.latency_ms}});
    scored.push_back(std::move(candidate));
  }
  return fitness;
}

const Candidate& best_of(const std::vector<Candidate>& scored) {
  const Candidate* best = &scored.front();
  for (const Candidate& candidate : scored) {
    if (candidate.score > best->score) best = &candidate;
  }
  return *best;
}

/// The most accurate of a front that is as fast as `target_ms`, or else the fastest.
const Candidate& best_within(const std::vector<Candidate>& front, double target_ms) {
  const Candidate* best = &front.front();
  for (const Candidate& candidate : front) {
    if (candidate.latency_ms <= target_ms) best = &candidate;
  }
  return *best;
}

}  // namespace

std::vector<Candidate> front_of(std::span<const Candidate> candidates) {
  std::vector<Candidate> sorted(candidates.begin(), candidates.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Candidate& a, const Candidate& b) {
    return a.latency_ms != b.latency_ms ? a.latency_ms < b.latency_ms : a.accuracy > b.accuracy;
  });
  std::vector<Candidate> front;
  for (Candidate& candidate : sorted) {
    if (front.empty() || candidate.accuracy > front.back().accuracy) {
      front.push_back(std::move(candidate));
    }
  }
  return front;
}

SearchResult search(const NetworkRegion& region, Scorer& scorer, const SearchConfig& config,
                    std::uint64_t seed, Log& log, const GroupStop& stop,
                    const std::function<void(const Generation&)>& on_generation) {
  const SearchMethod& method = find_search_method(config.method);
  check_target(scorer.latency(), region, scorer.objective(), config.latency_tolerance);
  NetworkProblem problem(region, scorer, config.latency_tolerance, method.finds_front);
  Rng rng(seed, "search", config.seed);
  SearchResult result;
  const auto add_generation = [&](Generation generation) {
    if (method.finds_front) {
      generation.hypervolume =
          problem.hypervolume(static_cast<std::size_t>(generation.evaluations));
    }
    result.history.push_back(generation);
    if (on_generation) on_generation(generation);
  };
  run_search(problem, method, config, rng,
             {.label = config.method,
              .score = "F",
              .log = log,
              .stop = stop,
              .on_generation = add_generation});
  result.scored = std::move(problem.scored);
  result.best = best_of(result.scored);
  if (method.finds_front) {
    result.front = front_of(result.scored);
    result.best = best_within(result.front, scorer.objective().target_ms);
  }
  return result;
}

}  // namespace hsconas
