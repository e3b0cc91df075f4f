#include "nested_search.hpp"

#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "hsconas/search/driver.hpp"
#include "hsconas/search/methods.hpp"
#include "pair_region.hpp"
#include "pair_search.hpp"

namespace hsconas {

namespace {

/// A network's best design, and what the pair costs.
struct BestDesign {
  std::size_t design = 0;
  PairCost cost;
  double violation = 0.0;
};

class NestedProblem : public SearchProblem {
 public:
  explicit NestedProblem(CodesignContext& context)
      : context_(context),
        networks_(networks_of(context.problem)),
        row_(context.problem.costs.designs()) {}

  const Region& region() const override { return *networks_; }
  Genes canonical(const Genes& genes) const override { return genes_of(network_of(genes)); }
  double violation(const Genes& genes) const override { return best_for(genes).violation; }
  Genes random(Rng& rng) const override {
    return random_member_inside(
        *networks_, [&](const Genes& genes) { return violation(genes); }, rng);
  }
  std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                const SearchFloor& floor) override;

  BestPairs best_pairs() const { return best_of(scored_, context_.problem.limits); }

 private:
  Architecture network_of(const Genes& genes) const {
    return context_.problem.accuracies.space().canonical(architecture_of(genes));
  }
  const BestDesign& best_for(const Genes& genes) const;

  CodesignContext& context_;
  std::unique_ptr<NetworkRegion> networks_;
  mutable std::vector<PairCost> row_;  ///< Scratch.
  mutable std::map<Architecture, BestDesign> known_;
  std::vector<Pair> scored_;
};

const BestDesign& NestedProblem::best_for(const Genes& genes) const {
  const Architecture network = network_of(genes);
  const auto [at, is_new] = known_.try_emplace(network);
  BestDesign& best = at->second;
  if (!is_new) return best;
  context_.problem.costs.costs(network, row_);
  const auto rank = [](const BestDesign& one) {
    return std::tuple(one.violation, one.cost.product());
  };
  bool is_first = true;
  for (const std::size_t design : context_.designs) {
    const BestDesign one{design, row_[design], context_.problem.limits.violation(row_[design])};
    if (is_first || rank(one) < rank(best)) best = one;
    is_first = false;
  }
  return best;
}

std::vector<Fitness> NestedProblem::evaluate(std::span<const Genes> individuals,
                                             const SearchFloor& /*floor*/) {
  std::vector<Pair> pairs;
  for (const Genes& genes : individuals) {
    const BestDesign& best = best_for(genes);
    pairs.push_back({.network = context_.archive.index_of(network_of(genes)),
                     .design = best.design,
                     .cost = best.cost});
  }
  return score_pairs(context_.archive, context_.problem.limits, std::move(pairs), scored_);
}

}  // namespace

BestPairs search_nested(CodesignContext& context, const SearchMethod& method) {
  NestedProblem problem(context);
  Rng rng = context.rng();
  run_search(problem, method, context.search_config, rng,
             {.label = context.config.method,
              .score = "accuracy",
              .log = context.log,
              .stop = context.stop});
  return problem.best_pairs();
}

}  // namespace hsconas
