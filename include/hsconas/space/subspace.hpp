#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/space/network_region.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// For every layer the operators and the widths still allowed, each a non-empty ascending list of
/// indices: the region that shrinking layer by layer narrows.
struct Subspace : NetworkRegion {
  std::vector<std::vector<int>> ops;
  std::vector<std::vector<int>> widths;

  static Subspace full(const SearchSpace& space);
  /// Exactly one architecture.
  static Subspace only(const Architecture& arch);

  int layers() const { return static_cast<int>(ops.size()); }
  bool operator==(const Subspace& other) const {
    return ops == other.ops && widths == other.widths;
  }

  std::vector<std::vector<int>> axes() const override;
  using NetworkRegion::contains;
  bool contains(const Genes& genes) const override;
  /// Every layer's operator and width uniformly and independently.
  Genes sample(Rng& rng) const override;
  Genes mutate(const Genes& genes, double probability, Rng& rng) const override;
  /// Redraws the operator, the width, or both of one layer: an operator may only bring a network
  /// nearer to a latency at another width.
  Genes step(const Genes& genes, Rng& rng) const override;
  /// Counts as the paper does: the widths of a skip count although they give the same network.
  double log10_size() const override;
  /// Cost: 2 x layers x ops x widths calls.
  Extremes extremes(const std::function<double(const Architecture&)>& cost) const override;
};

/// log10 of the number of *different* networks: widths that give the same inner channels count
/// once.
double log10_distinct(const SearchSpace& space, const Subspace& subspace);

/// "9.54e33" from log10: sizes far beyond what a double could hold print well too.
std::string format_power(double log10_value);

}  // namespace hsconas
