#include "hsconas/search/search.hpp"

#include <span>
#include <utility>

#include "hsconas/base/rng.hpp"
#include "hsconas/score/feasible.hpp"
#include "hsconas/score/target_sampler.hpp"

namespace hsconas {

namespace {

/// Networks of a region near the latency budget, scored by F.
class NetworkProblem : public SearchProblem {
 public:
  NetworkProblem(const NetworkRegion& region, Scorer& scorer, double tolerance)
      : region_(region), scorer_(scorer), sampler_(region, scorer, tolerance) {}

  const Region& region() const override { return region_; }

  Genes canonical(const Genes& genes) const override {
    return genes_of(scorer_.space().canonical(architecture_of(genes)));
  }

  double violation(const Genes& genes) const override {
    return sampler_.violation(architecture_of(genes));
  }

  Genes random(Rng& rng) const override { return genes_of(sampler_.sample(rng)); }

  std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                const SearchFloor& floor) override;

  std::vector<Candidate> scored;

 private:
  const NetworkRegion& region_;
  Scorer& scorer_;
  TargetSampler sampler_;
};

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
        {.violation = scorer_.limits().violation(candidate.arch), .score = candidate.score});
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

}  // namespace

SearchResult search(const NetworkRegion& region, Scorer& scorer, const SearchConfig& config,
                    std::uint64_t seed, Log& log, const GroupStop& stop,
                    const std::function<void(const Generation&)>& on_generation) {
  const SearchMethod& method = find_search_method(config.method);
  check_budget(scorer.space(), scorer.latency(), region, scorer.objective(), scorer.limits(),
               config.latency_tolerance);
  NetworkProblem problem(region, scorer, config.latency_tolerance);
  Rng rng(seed, "search", config.seed);
  SearchResult result;
  result.history = run_search(problem, method, config, rng,
                              {.label = config.method,
                               .score = "F",
                               .log = log,
                               .stop = stop,
                               .on_generation = on_generation});
  result.scored = std::move(problem.scored);
  result.best = best_of(result.scored);
  return result;
}

}  // namespace hsconas
