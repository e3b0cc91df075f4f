#pragma once

#include <functional>
#include <set>
#include <span>
#include <vector>

#include "hsconas/space/region.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Operator and width of each layer in turn.
Genes genes_of(const Architecture& arch);
Architecture architecture_of(const Genes& genes);

/// A set of networks of one space. A network is a member as it is written: its canonical form,
/// which may name another width that gives the same inner channels, need not be one.
class NetworkRegion : public Region {
 public:
  using Region::contains;
  bool contains(const Architecture& arch) const { return contains(genes_of(arch)); }

  /// The members with the smallest and the largest cost.
  struct Extremes {
    Architecture least;
    Architecture greatest;
  };
  /// `cost` must add up over the layers, so that a region may choose each layer on its own. Of
  /// equals the first.
  virtual Extremes extremes(const std::function<double(const Architecture&)>& cost) const = 0;

  /// Operators that occur at `layer`, ascending.
  std::vector<int> ops_at(int layer) const;
};

Architecture sample(const NetworkRegion& region, Rng& rng);
/// The networks of a list and no others: those of a benchmark whose accuracies are known. A
/// network is a member when its canonical form is in the list.
class ListedNetworks : public NetworkRegion {
 public:
  /// `networks`: canonical forms, at least one, which are copied; `space` must outlive it.
  ListedNetworks(const SearchSpace& space, std::span<const Architecture> networks);

  std::vector<std::vector<int>> axes() const override { return axes_; }
  using NetworkRegion::contains;
  bool contains(const Genes& genes) const override;
  Genes sample(Rng& rng) const override;
  Genes mutate(const Genes& genes, double probability, Rng& rng) const override;
  /// Redraws one gene.
  Genes step(const Genes& genes, Rng& rng) const override;
  double log10_size() const override;
  Extremes extremes(const std::function<double(const Architecture&)>& cost) const override;

 private:
  const SearchSpace& space_;
  std::vector<Architecture> networks_;
  std::set<Architecture> members_;
  std::vector<std::vector<int>> axes_;
};

}  // namespace hsconas
