#include "hsconas/search/search.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "hsconas/base/rng.hpp"
#include "hsconas/score/feasible.hpp"
#include "hsconas/score/target_sampler.hpp"
#include "hsconas/search/front.hpp"

namespace hsconas {

namespace {

double excess(double ms, double highest_ms) {
  return ms <= highest_ms ? 0.0 : ms / highest_ms - 1.0;
}

/// A random network of `sampler` that takes at most `highest_ms` or, where few do, one that steps
/// of the region brought near a random latency below.
Architecture sample_below(const NetworkRegion& region, const Scorer& scorer,
                          const TargetSampler& sampler, double highest_ms, Rng& rng) {
  constexpr int kSampleTries = 10;
  constexpr int kStepsPerLayer = 100;
  Architecture arch;
  for (int attempt = 0; attempt < kSampleTries; ++attempt) {
    arch = sampler.sample(rng);
    if (scorer.latency_ms(arch) <= highest_ms) return arch;
  }
  const double fastest_ms = latency_range(scorer.latency(), region).fastest_ms;
  const double goal_ms = rng.uniform(fastest_ms, std::max(fastest_ms, highest_ms));
  for (int i = 0; i < kStepsPerLayer * std::ssize(arch); ++i) {
    const double ms = scorer.latency_ms(arch);
    if (ms <= goal_ms) break;
    Architecture changed = architecture_of(region.step(genes_of(arch), rng));
    if (scorer.latency_ms(changed) >= ms || sampler.violation(changed) > 0.0) continue;
    arch = std::move(changed);
  }
  return arch;
}

/// The tolerance of a sampler: one for a front leaves T out.
double sampler_tolerance(bool is_front, double tolerance) {
  if (is_front) return std::numeric_limits<double>::infinity();
  return tolerance;
}

/// Networks of a region near the latency budget or, with `is_front`, below it, scored by F.
class NetworkProblem : public SearchProblem {
 public:
  NetworkProblem(const NetworkRegion& region, Scorer& scorer, double tolerance, bool is_front,
                 const Embeddings* embeddings)
      : region_(region),
        scorer_(scorer),
        sampler_(region, scorer, sampler_tolerance(is_front, tolerance)),
        is_front_(is_front),
        highest_ms_(scorer.objective().target_ms * (1.0 + tolerance)),
        embeddings_(embeddings) {}

  const Region& region() const override { return region_; }
  const Embeddings* embeddings() const override { return embeddings_; }

  Genes canonical(const Genes& genes) const override {
    return genes_of(scorer_.space().canonical(architecture_of(genes)));
  }

  double violation(const Genes& genes) const override {
    const Architecture arch = architecture_of(genes);
    const double outside = sampler_.violation(arch);
    return is_front_ ? outside + excess(scorer_.latency_ms(arch), highest_ms_) : outside;
  }

  Genes random(Rng& rng) const override {
    return genes_of(is_front_ ? sample_below(region_, scorer_, sampler_, highest_ms_, rng)
                              : sampler_.sample(rng));
  }

  /// See Generation::hypervolume; of the first `count` scored.
  double hypervolume(std::size_t count) const;

  std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                const SearchFloor& floor) override;

  std::vector<Candidate> scored;

 private:
  const NetworkRegion& region_;
  Scorer& scorer_;
  TargetSampler sampler_;  ///< For a front it leaves T out.
  bool is_front_;
  double highest_ms_;  ///< Of a front.
  const Embeddings* embeddings_;
};

double NetworkProblem::hypervolume(std::size_t count) const {
  std::vector<Objectives> points;
  for (std::size_t i = 0; i < count; ++i) {
    points.push_back({1.0 - scored[i].accuracy, scored[i].latency_ms / highest_ms_});
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
    // Only networks inside the limits are evaluated; the nearest networks there are count as inside
    // where none lies within the tolerance.
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
                    const std::function<void(const Generation&)>& on_generation,
                    const Embeddings* embeddings) {
  const SearchMethod& method = find_search_method(config.method);
  check_budget(scorer.space(), scorer.latency(), region, scorer.objective(), scorer.limits(),
               config.latency_tolerance);
  // Without a budget there is no latency to weigh, so the front would be one network.
  const bool has_front = method.finds_front && scorer.objective().has_target();
  NetworkProblem problem(region, scorer, config.latency_tolerance, has_front, embeddings);
  Rng rng(seed, "search", config.seed);
  SearchResult result;
  const auto add_generation = [&](Generation generation) {
    if (has_front) {
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
  if (has_front) {
    result.front = front_of(result.scored);
    result.best = best_within(result.front, scorer.objective().target_ms);
  }
  return result;
}

}  // namespace hsconas
