#pragma once

#include <cstddef>
#include <vector>

#include "hsconas/base/rng.hpp"

namespace hsconas {

/// One point of a search space as indices, one per axis. For a network the axes are operator and
/// width of each layer in turn; the axes of an accelerator design may follow.
using Genes = std::vector<int>;

/// A set of points that a search may visit. Search strategies know only this: they neither know
/// whether the genes stand for a network, an accelerator or both, nor how the set is described.
class Region {
 public:
  virtual ~Region() = default;

  /// The values that occur on each axis, ascending and never empty. A product of axes holds every
  /// combination of them; other kinds of region hold only some.
  virtual std::vector<std::vector<int>> axes() const = 0;
  virtual bool contains(const Genes& genes) const = 0;
  virtual Genes sample(Rng& rng) const = 0;
  /// `genes`, a member, with every axis redrawn with `probability`, each on its own. The result is
  /// a member too; a region that finds none in a few tries returns `genes`.
  virtual Genes mutate(const Genes& genes, double probability, Rng& rng) const = 0;
  /// A member next to the member `genes`: one change of the smallest kind that the region knows.
  /// May return `genes` itself.
  virtual Genes step(const Genes& genes, Rng& rng) const = 0;
  /// A child that takes every gene from either parent with probability 1/2. The child of two
  /// members need not be one, unless the region is a product of axes: ask contains().
  virtual Genes cross(const Genes& a, const Genes& b, Rng& rng) const;
  /// log10 of the number of members.
  virtual double log10_size() const = 0;

 protected:
  /// How often a change that leads out of the region is drawn again.
  static constexpr int kTries = 20;

  /// mutate() for a region that holds only some combinations of the values on `axes`.
  Genes mutate_on(const std::vector<std::vector<int>>& axes, const Genes& genes, double probability,
                  Rng& rng) const;
};

/// Every combination of a member of `first` and a member of `second`, whose axes follow those of
/// `first`. Both must outlive it.
class JoinedRegion : public Region {
 public:
  JoinedRegion(const Region& first, const Region& second);

  std::vector<std::vector<int>> axes() const override;
  bool contains(const Genes& genes) const override;
  Genes sample(Rng& rng) const override;
  Genes mutate(const Genes& genes, double probability, Rng& rng) const override;
  /// A step in one of the two, chosen in proportion to their axes; never in one with one member.
  Genes step(const Genes& genes, Rng& rng) const override;
  double log10_size() const override;

  Genes first_of(const Genes& genes) const;
  Genes second_of(const Genes& genes) const;

 private:
  const Region& first_;
  const Region& second_;
  std::size_t first_axes_;
};

}  // namespace hsconas
