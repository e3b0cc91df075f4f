#include "hsconas/search/strategy.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

namespace hsconas {

namespace {

constexpr int kMostSteps = 3;
/// For each number of steps. A step often changes nothing, and there are dozens of steps.
constexpr int kNeighbourTries = 100;

}  // namespace

bool is_fitter(const Fitness& a, const Fitness& b) {
  if (a.violation != b.violation) return a.violation < b.violation;
  if (a.score != b.score) return a.score > b.score;
  return a.cost < b.cost;
}

std::vector<std::size_t> fittest(std::span<const Individual> individuals, int count) {
  std::vector<std::size_t> order(individuals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t wanted = std::min(order.size(), static_cast<std::size_t>(count));
  const auto precedes = [&](std::size_t a, std::size_t b) {
    if (is_fitter(individuals[a].fitness, individuals[b].fitness)) return true;
    return a < b && !is_fitter(individuals[b].fitness, individuals[a].fitness);
  };
  // Strategies that score one individual at a time ask often.
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(wanted), order.end(),
                    precedes);
  order.resize(wanted);
  return order;
}

double parents_floor(std::span<const Individual> individuals, const SearchConfig& config) {
  const auto parents = fittest(individuals, config.parents);
  if (std::ssize(parents) < config.parents) return -std::numeric_limits<double>::infinity();
  return individuals[parents.back()].fitness.score;
}

Genes StrategyContext::neighbour(const Genes& genes) const {
  Genes changed;
  for (int steps = 1; steps <= kMostSteps; ++steps) {
    for (int attempt = 0; attempt < kNeighbourTries; ++attempt) {
      changed = genes;
      for (int i = 0; i < steps; ++i) changed = region.step(changed, rng);
      if (is_usable(changed)) return changed;
    }
  }
  return changed;
}

}  // namespace hsconas
