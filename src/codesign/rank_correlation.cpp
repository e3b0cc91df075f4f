#include "hsconas/codesign/rank_correlation.hpp"

#include <utility>

#include "hsconas/base/statistics.hpp"

namespace hsconas {

namespace {

using Columns = std::vector<std::vector<double>>;  ///< [design][network].

/// Latency and energy of every network on every one of `designs`.
std::pair<Columns, Columns> columns_of(const PairCostModel& costs,
                                       std::span<const Architecture> networks,
                                       std::span<const std::size_t> designs) {
  Columns ms(designs.size());
  Columns energy(designs.size());
  std::vector<PairCost> row(costs.designs());
  for (const Architecture& arch : networks) {
    costs.costs(arch, row);
    for (std::size_t i = 0; i < designs.size(); ++i) {
      ms[i].push_back(row[designs[i]].ms);
      energy[i].push_back(row[designs[i]].energy);
    }
  }
  return {std::move(ms), std::move(energy)};
}

}  // namespace

RankCorrelations rank_correlations(const PairCostModel& costs,
                                   std::span<const Architecture> networks, std::size_t proxy,
                                   std::span<const std::size_t> designs) {
  std::vector<std::size_t> all{proxy};
  all.insert(all.end(), designs.begin(), designs.end());
  const auto [ms, energy] = columns_of(costs, networks, all);
  RankCorrelations result;
  for (std::size_t i = 1; i < all.size(); ++i) {
    result.latency.push_back(spearman(ms[0], ms[i]));
    result.energy.push_back(spearman(energy[0], energy[i]));
  }
  return result;
}

RankCorrelations rank_matrix(const PairCostModel& costs, std::span<const Architecture> networks,
                             std::span<const std::size_t> designs) {
  const auto [ms, energy] = columns_of(costs, networks, designs);
  RankCorrelations result;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    for (std::size_t k = 0; k < designs.size(); ++k) {
      result.latency.push_back(spearman(ms[i], ms[k]));
      result.energy.push_back(spearman(energy[i], energy[k]));
    }
  }
  return result;
}

}  // namespace hsconas
