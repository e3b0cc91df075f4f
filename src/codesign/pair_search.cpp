#include "pair_search.hpp"

#include <utility>
#include <vector>

#include "hsconas/search/driver.hpp"
#include "pair_region.hpp"

namespace hsconas {

namespace {

class PairProblem : public SearchProblem {
 public:
  PairProblem(PairArchive& archive, std::span<const std::size_t> designs, const Limits& limits)
      : archive_(archive), pairs_(archive.problem(), designs), limits_(limits) {}

  const Region& region() const override { return pairs_.pairs(); }
  Genes canonical(const Genes& genes) const override { return pairs_.canonical(genes); }
  double violation(const Genes& genes) const override {
    return limits_.violation(pairs_.cost_of(genes));
  }
  Genes random(Rng& rng) const override { return pairs_.random_inside(limits_, rng); }
  std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                const SearchFloor& floor) override;

  BestPairs best_pairs() const { return best_of(scored_, limits_); }

 private:
  PairArchive& archive_;
  PairRegion pairs_;
  const Limits& limits_;
  std::vector<Pair> scored_;
};

std::vector<Fitness> PairProblem::evaluate(std::span<const Genes> individuals,
                                           const SearchFloor& /*floor*/) {
  std::vector<Pair> pairs;
  for (const Genes& genes : individuals) {
    pairs.push_back({.network = archive_.index_of(pairs_.network_of(genes)),
                     .design = pairs_.design_of(genes),
                     .cost = pairs_.cost_of(genes)});
  }
  return score_pairs(archive_, limits_, std::move(pairs), scored_);
}

}  // namespace

std::vector<Fitness> score_pairs(PairArchive& archive, const Limits& limits,
                                 std::vector<Pair> pairs, std::vector<Pair>& scored) {
  std::vector<std::size_t> inside;
  for (const Pair& pair : pairs) {
    if (limits.meets(pair.cost)) inside.push_back(pair.network);
  }
  archive.evaluate(inside);
  std::vector<Fitness> fitness;
  for (Pair& pair : pairs) {
    const double violation = limits.violation(pair.cost);
    if (violation == 0.0) pair.accuracy = archive.accuracy(pair.network);
    archive.add(pair);
    scored.push_back(pair);
    fitness.push_back({.violation = violation,
                       .score = pair.accuracy,
                       .cost = pair.cost.product(),
                       .objectives = {1.0 - pair.accuracy, pair.cost.ms, pair.cost.energy}});
  }
  return fitness;
}

BestPairs search_pairs(PairArchive& archive, std::span<const std::size_t> designs,
                       const Limits& limits, const SearchMethod& method, const SearchConfig& config,
                       Rng& rng, const std::string& label, Log& log, const GroupStop& stop) {
  PairProblem problem(archive, designs, limits);
  run_search(problem, method, config, rng,
             {.label = label, .score = "accuracy", .log = log, .stop = stop});
  return problem.best_pairs();
}

}  // namespace hsconas
