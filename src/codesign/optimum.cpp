#include "hsconas/codesign/optimum.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "designs_inside.hpp"

namespace hsconas {

bool may_try_all(const CodesignConfig& config, std::size_t networks, std::size_t designs) {
  return networks > 0 && static_cast<double>(networks) * static_cast<double>(designs) <=
                             static_cast<double>(config.exhaustive_pairs);
}

std::optional<OptimalPair> optimal_pair(const CodesignProblem& problem, const GroupStop& stop) {
  const std::vector<std::size_t> designs = designs_inside(problem.designs, problem.limits.area_mm2);
  const std::vector<double> accuracies = problem.accuracies.accuracies(problem.networks);
  std::vector<std::size_t> order(accuracies.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return accuracies[a] > accuracies[b]; });
  std::vector<PairCost> row(problem.costs.designs());
  std::optional<Pair> best;
  for (const std::size_t network : order) {
    if (best && accuracies[network] < best->accuracy) break;
    stop.check();
    problem.costs.costs(problem.networks[network], row);
    for (const std::size_t design : designs) {
      const Pair pair{network, design, accuracies[network], row[design]};
      if (problem.limits.meets(pair.cost) && (!best || is_better(pair, *best))) best = pair;
    }
  }
  if (!best) return std::nullopt;
  return OptimalPair{problem.networks[best->network], best->design, best->accuracy, best->cost};
}

}  // namespace hsconas
