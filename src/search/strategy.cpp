#include "hsconas/search/strategy.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace hsconas {

bool is_fitter(const Fitness& a, const Fitness& b) {
  if (a.violation != b.violation) return a.violation < b.violation;
  if (a.score != b.score) return a.score > b.score;
  return a.cost < b.cost;
}

std::vector<std::size_t> fittest(std::span<const Individual> individuals, int count) {
  std::vector<std::size_t> order(individuals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return is_fitter(individuals[a].fitness, individuals[b].fitness);
  });
  order.resize(std::min(order.size(), static_cast<std::size_t>(count)));
  return order;
}

}  // namespace hsconas
