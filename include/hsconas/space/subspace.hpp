#pragma once

#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// A part of a space: for every layer the operators and the widths still allowed, each a non-empty
/// ascending list of indices. Shrinking narrows it; everything that draws architectures respects
/// it.
struct Subspace {
  std::vector<std::vector<int>> ops;
  std::vector<std::vector<int>> widths;

  static Subspace full(const SearchSpace& space);
  /// Exactly one architecture.
  static Subspace only(const Architecture& arch);

  int layers() const { return static_cast<int>(ops.size()); }
  /// log10 of the number of (operator, width) combinations, counted as the paper does: a skip's
  /// widths count although they give the same network.
  double log10_size() const;
  bool contains(const Architecture& arch) const;
  bool operator==(const Subspace&) const = default;
};

/// log10 of the number of *different* networks: widths that give the same inner channels count
/// once.
double log10_distinct(const SearchSpace& space, const Subspace& subspace);

/// Every layer's operator and width uniformly and independently.
Architecture sample(const Subspace& subspace, Rng& rng);

/// `arch` with every operator and every width redrawn uniformly with `probability`, each on its
/// own.
Architecture mutate(const Architecture& arch, const Subspace& subspace, double probability,
                    Rng& rng);

/// A child that takes every operator and every width from either parent with probability 1/2.
Architecture cross(const Architecture& a, const Architecture& b, Rng& rng);

/// "9.54e33" from log10: sizes far beyond what a double could hold print well too.
std::string format_power(double log10_value);

}  // namespace hsconas
