#include "design_region.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace hsconas {

DesignRegion::DesignRegion(const DesignSpace& space, std::span<const std::size_t> designs)
    : space_(space), designs_(designs.begin(), designs.end()) {
  std::vector<std::set<int>> values(space.axes().size());
  for (const std::size_t design : designs_) {
    const auto at = space.coordinates(design);
    for (std::size_t axis = 0; axis < at.size(); ++axis) values[axis].insert(at[axis]);
  }
  for (const std::set<int>& axis : values) axes_.emplace_back(axis.begin(), axis.end());
}

bool DesignRegion::contains(const Genes& genes) const {
  if (genes.size() != axes_.size()) return false;
  for (std::size_t axis = 0; axis < axes_.size(); ++axis) {
    if (!std::binary_search(axes_[axis].begin(), axes_[axis].end(), genes[axis])) return false;
  }
  const auto design = space_.at(genes);
  return design && std::binary_search(designs_.begin(), designs_.end(), *design);
}

Genes DesignRegion::sample(Rng& rng) const {
  const auto at = space_.coordinates(designs_[rng.index(designs_.size())]);
  return {at.begin(), at.end()};
}

Genes DesignRegion::mutate(const Genes& genes, double probability, Rng& rng) const {
  return mutate_on(axes_, genes, probability, rng);
}

Genes DesignRegion::step(const Genes& genes, Rng& rng) const {
  if (genes.empty()) return genes;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    Genes child = genes;
    const std::size_t axis = rng.index(child.size());
    const int direction = rng.chance(0.5) ? 1 : -1;
    const std::vector<int>& values = axes_[axis];
    for (child[axis] += direction; values.front() <= child[axis] && child[axis] <= values.back();
         child[axis] += direction) {
      if (contains(child)) return child;
    }
  }
  return genes;
}

double DesignRegion::log10_size() const {
  return std::log10(static_cast<double>(designs_.size()));
}

}  // namespace hsconas
