#pragma once

// Networks with real accuracies on a grid of designs, where the best pair under any limits is known
// by trying all.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "support/spaces.hpp"

namespace hsconas::bench {

/// A grid of designs with all networks, and what is known of them.
struct KnownPairs {
  KnownPairs(std::string csv, const char* grid)
      : space(shipped_space("nas-bench-macro")),
        table(space, csv, "mean_acc"),
        designs(load_design_space(source_folder() / "configs" / "designs" / grid)),
        costs(space, designs.designs()),
        networks(table.architectures()) {
    std::stable_sort(networks.begin(), networks.end(),
                     [&](const Architecture& a, const Architecture& b) {
                       return table.accuracy(a) > table.accuracy(b);
                     });
  }

  SearchSpace space;
  TableEvaluator table;
  DesignSpace designs;
  CostTable costs;
  std::vector<Architecture> networks;  ///< The most accurate first.

  /// The best pair of all.
  std::optional<Pair> optimum(const Limits& limits, const PairCostModel& model) const {
    std::vector<PairCost> row(model.designs());
    std::optional<Pair> best;
    for (std::size_t n = 0; n < networks.size(); ++n) {
      const double accuracy = table.accuracy(networks[n]);
      if (best && accuracy < best->accuracy) return best;
      model.costs(networks[n], row);
      for (std::size_t d = 0; d < row.size(); ++d) {
        const Pair pair{n, d, accuracy, row[d]};
        if (limits.meets(pair.cost) && (!best || is_better(pair, *best))) best = pair;
      }
    }
    return best;
  }

  /// The least energy x delay of a network inside `limits`; infinite if no design meets them.
  double least_product(const Architecture& network, const Limits& limits) const {
    std::vector<PairCost> row(costs.designs());
    costs.costs(network, row);
    double least = std::numeric_limits<double>::infinity();
    for (const PairCost& cost : row) {
      if (limits.meets(cost)) least = std::min(least, cost.product());
    }
    return least;
  }
};

/// Limits, and the best pair inside them.
struct LimitCase {
  Limits limits;
  Pair optimum;
};

inline std::vector<PairCost> random_costs(const KnownPairs& ground, int count) {
  Rng rng(1, "limits");
  std::vector<PairCost> costs;
  for (int i = 0; i < count; ++i) {
    const auto& network = ground.networks[rng.index(ground.networks.size())];
    costs.push_back(ground.costs.cost(network, rng.index(ground.designs.size())));
  }
  return costs;
}

inline Limits limits_at(const std::vector<PairCost>& costs, double ms_level, double energy_level) {
  std::vector<double> ms;
  std::vector<double> energy;
  for (const PairCost& cost : costs) {
    ms.push_back(cost.ms);
    energy.push_back(cost.energy);
  }
  return {.ms = quantile(ms, ms_level), .energy = quantile(energy, energy_level)};
}

/// Limits at all pairs of these levels of the costs of random pairs; those that no pair meets are
/// left out.
inline std::vector<LimitCase> limit_grid(const KnownPairs& ground, std::vector<double> levels) {
  const auto costs = random_costs(ground, 20000);
  std::vector<LimitCase> grid;
  for (const double ms : levels) {
    for (const double energy : levels) {
      const Limits limits = limits_at(costs, ms, energy);
      const auto optimum = ground.optimum(limits, ground.costs);
      if (optimum) grid.push_back({limits, *optimum});
    }
  }
  return grid;
}

inline double share_inside(const std::vector<PairCost>& costs, const Limits& limits) {
  const auto inside = std::count_if(costs.begin(), costs.end(),
                                    [&](const PairCost& cost) { return limits.meets(cost); });
  return static_cast<double>(inside) / static_cast<double>(costs.size());
}

/// Limits that the share `share` of random pairs meets.
inline Limits limits_for(const KnownPairs& ground, double share) {
  const auto costs = random_costs(ground, 50000);
  double low = 0.0;
  double high = 1.0;
  for (int i = 0; i < 40; ++i) {
    const double middle = 0.5 * (low + high);
    (share_inside(costs, limits_at(costs, middle, middle)) < share ? low : high) = middle;
  }
  return limits_at(costs, high, high);
}

}  // namespace hsconas::bench
