#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "hsconas/space/region.hpp"

namespace hsconas {

/// Every combination of `values` values on each of `axes` axes: points that are neither networks
/// nor designs.
class GridRegion : public Region {
 public:
  GridRegion(std::size_t axes, int values) : axes_(axes), values_(values) {}

  std::vector<std::vector<int>> axes() const override {
    std::vector<int> all;
    for (int value = 0; value < values_; ++value) all.push_back(value);
    return std::vector(axes_, all);
  }
  bool contains(const Genes& genes) const override {
    return genes.size() == axes_ &&
           std::all_of(genes.begin(), genes.end(), [&](int g) { return g >= 0 && g < values_; });
  }
  Genes sample(Rng& rng) const override {
    Genes genes(axes_);
    for (int& gene : genes) gene = value(rng);
    return genes;
  }
  Genes mutate(const Genes& genes, double probability, Rng& rng) const override {
    Genes child = genes;
    for (int& gene : child) {
      if (rng.chance(probability)) gene = value(rng);
    }
    return child;
  }
  Genes step(const Genes& genes, Rng& rng) const override {
    Genes child = genes;
    child[rng.index(axes_)] = value(rng);
    return child;
  }
  double log10_size() const override { return static_cast<double>(axes_) * std::log10(values_); }

 private:
  int value(Rng& rng) const {
    return static_cast<int>(rng.index(static_cast<std::size_t>(values_)));
  }

  std::size_t axes_;
  int values_;
};

}  // namespace hsconas
