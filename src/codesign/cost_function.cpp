#include "hsconas/codesign/cost_function.hpp"

#include <limits>

namespace hsconas {

std::vector<double> areas_of(std::span<const Accelerator> designs) {
  std::vector<double> areas;
  for (const Accelerator& design : designs) areas.push_back(area_of(design).total() / 1e6);
  return areas;
}

std::size_t best_design(const PairCostModel& costs, std::span<const double> areas,
                        const Architecture& arch, const CostFunction& cost,
                        std::span<PairCost> row) {
  costs.costs(arch, row);
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t design = 0; design < row.size(); ++design) {
    const double value = cost(row[design], areas[design]);
    if (value >= least) continue;
    least = value;
    best = design;
  }
  return best;
}

}  // namespace hsconas
