#include "pair_region.hpp"

#include "hsconas/space/subspace.hpp"

namespace hsconas {

std::unique_ptr<NetworkRegion> networks_of(const CodesignProblem& problem) {
  const SearchSpace& space = problem.accuracies.space();
  if (problem.networks.empty()) return std::make_unique<Subspace>(Subspace::full(space));
  return std::make_unique<ListedNetworks>(space, problem.networks);
}

Genes PairRegion::canonical(const Genes& genes) const {
  Genes result = genes_of(network_of(genes));
  const Genes design = pairs_.second_of(genes);
  result.insert(result.end(), design.begin(), design.end());
  return result;
}

Genes PairRegion::random_inside(const Limits& limits, Rng& rng) const {
  return random_member_inside(
      pairs_, [&](const Genes& genes) { return limits.violation(cost_of(genes)); }, rng);
}

}  // namespace hsconas
