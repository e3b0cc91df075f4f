#include "pair_search.hpp"

#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "design_region.hpp"
#include "hsconas/search/driver.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

/// Random pairs outside the limits are drawn again so often.
constexpr int kDrawTries = 200;

/// The networks that `problem` gives, or all of the space.
std::unique_ptr<NetworkRegion> networks_of(const CodesignProblem& problem) {
  const SearchSpace& space = problem.accuracies.space();
  if (problem.networks.empty()) return std::make_unique<Subspace>(Subspace::full(space));
  return std::make_unique<ListedNetworks>(space, problem.networks);
}

class PairProblem : public SearchProblem {
 public:
  PairProblem(PairArchive& archive, std::span<const std::size_t> designs, const Limits& limits)
      : archive_(archive),
        networks_(networks_of(archive.problem())),
        designs_(archive.problem().designs, designs),
        pairs_(*networks_, designs_),
        limits_(limits) {}

  const Region& region() const override { return pairs_; }

  Genes canonical(const Genes& genes) const override {
    Genes result = genes_of(network_of(genes));
    const Genes design = pairs_.second_of(genes);
    result.insert(result.end(), design.begin(), design.end());
    return result;
  }

  double violation(const Genes& genes) const override { return limits_.violation(cost_of(genes)); }
  Genes random(Rng& rng) const override;
  std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                const SearchFloor& floor) override;

  BestPairs best_pairs() const;

 private:
  /// In canonical form.
  Architecture network_of(const Genes& genes) const {
    return archive_.problem().accuracies.space().canonical(architecture_of(pairs_.first_of(genes)));
  }
  std::size_t design_of(const Genes& genes) const {
    return designs_.design_of(pairs_.second_of(genes));
  }
  PairCost cost_of(const Genes& genes) const {
    return archive_.problem().costs.cost(network_of(genes), design_of(genes));
  }

  PairArchive& archive_;
  std::unique_ptr<NetworkRegion> networks_;
  DesignRegion designs_;
  JoinedRegion pairs_;
  const Limits& limits_;
  std::vector<Pair> scored_;
};

Genes PairProblem::random(Rng& rng) const {
  Genes nearest;
  double least = std::numeric_limits<double>::infinity();
  for (int attempt = 0; attempt < kDrawTries; ++attempt) {
    Genes genes = pairs_.sample(rng);
    const double violation = this->violation(genes);
    if (violation == 0.0) return genes;
    if (!nearest.empty() && violation >= least) continue;
    nearest = std::move(genes);
    least = violation;
  }
  return nearest;
}

std::vector<Fitness> PairProblem::evaluate(std::span<const Genes> individuals,
                                           const SearchFloor& /*floor*/) {
  std::vector<Pair> pairs;
  std::vector<std::size_t> inside;
  for (const Genes& genes : individuals) {
    pairs.push_back({.network = archive_.index_of(network_of(genes)),
                     .design = design_of(genes),
                     .cost = cost_of(genes)});
    if (limits_.meets(pairs.back().cost)) inside.push_back(pairs.back().network);
  }
  archive_.evaluate(inside);
  std::vector<Fitness> fitness;
  for (Pair& pair : pairs) {
    const double violation = limits_.violation(pair.cost);
    if (violation == 0.0) pair.accuracy = archive_.accuracy(pair.network);
    archive_.add(pair);
    scored_.push_back(pair);
    fitness.push_back({.violation = violation,
                       .score = pair.accuracy,
                       .cost = pair.cost.product(),
                       .objectives = {1.0 - pair.accuracy, pair.cost.ms, pair.cost.energy}});
  }
  return fitness;
}

BestPairs PairProblem::best_pairs() const {
  BestPairs result{.violation = std::numeric_limits<double>::infinity()};
  std::vector<Pair> inside;
  for (const Pair& pair : scored_) {
    const double violation = limits_.violation(pair.cost);
    if (violation == 0.0) {
      inside.push_back(pair);
      if (!result.best || is_better(pair, *result.best)) result.best = pair;
    } else if (!result.nearest || violation < result.violation) {
      result.nearest = pair;
      result.violation = violation;
    }
  }
  result.front = pareto_front(std::move(inside));
  return result;
}

}  // namespace

BestPairs search_pairs(PairArchive& archive, std::span<const std::size_t> designs,
                       const Limits& limits, const SearchMethod& method, const SearchConfig& config,
                       Rng& rng, const std::string& label, Log& log, const GroupStop& stop) {
  PairProblem problem(archive, designs, limits);
  run_search(problem, method, config, rng,
             {.label = label, .score = "accuracy", .log = log, .stop = stop});
  return problem.best_pairs();
}

}  // namespace hsconas
