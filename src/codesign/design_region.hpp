#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hsconas/codesign/design_space.hpp"
#include "hsconas/space/region.hpp"

namespace hsconas {

/// Some of the designs of a space as a region: a design's genes are its values on the axes.
class DesignRegion : public Region {
 public:
  /// `designs`: at least one, ascending. `space` must outlive the region.
  DesignRegion(const DesignSpace& space, std::span<const std::size_t> designs);

  std::vector<std::vector<int>> axes() const override { return axes_; }
  bool contains(const Genes& genes) const override;
  Genes sample(Rng& rng) const override;
  Genes mutate(const Genes& genes, double probability, Rng& rng) const override;
  /// Moves along one axis to the next member.
  Genes step(const Genes& genes, Rng& rng) const override;
  double log10_size() const override;

  /// Of a member.
  std::size_t design_of(const Genes& genes) const { return *space_.at(genes); }

 private:
  const DesignSpace& space_;
  std::vector<std::size_t> designs_;
  std::vector<std::vector<int>> axes_;
};

}  // namespace hsconas
