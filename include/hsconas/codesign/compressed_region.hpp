#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hsconas/codesign/compressed_network.hpp"
#include "hsconas/space/region.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// The networks that trained ones can be compressed to, as a region. The genes: which start; for
/// each layer, by how many width factors it is narrower than in the start; for the stem, each layer
/// and the head, which number of bits. They say the same of every start, so that children of two
/// starts take over how much their parents are cut.
///
/// A design has no genes. All designs are costed exactly from a table, so the best one for a
/// network is known without a search: drawing it as well would only find it later.
class CompressedRegion : public Region {
 public:
  struct Choices {
    std::vector<int> bits{};  ///< Of the weights; empty: nothing is rounded.
    bool cuts_widths = true;
  };

  /// `starts`: at least one. The space must outlive the region.
  CompressedRegion(const SearchSpace& space, std::span<const Architecture> starts, Choices choices);

  std::vector<std::vector<int>> axes() const override { return axes_; }
  bool contains(const Genes& genes) const override;
  Genes sample(Rng& rng) const override;
  Genes mutate(const Genes& genes, double probability, Rng& rng) const override;
  /// Another start, or one width factor or one number of bits more or less in one place.
  Genes step(const Genes& genes, Rng& rng) const override;
  /// The child cuts no layer below the narrowest width of its start.
  Genes cross(const Genes& a, const Genes& b, Rng& rng) const override;
  double log10_size() const override;

  /// The network of a member, its architecture in canonical form. Blocks without weights have the
  /// most bits.
  CompressedNetwork network_of(const Genes& genes) const;
  /// A member that stands for `network`, which network_of() has returned.
  Genes genes_of(const CompressedNetwork& network) const;
  Genes canonical(const Genes& genes) const { return genes_of(network_of(genes)); }
  /// Start `start` with every layer `cut` width factors narrower, or as narrow as possible, and
  /// with one number of bits everywhere: index `bits` of the choices, fewest first.
  Genes uniform(std::size_t start, int cut, std::size_t bits) const;

  std::size_t starts() const { return starts_.size(); }
  /// The starts in canonical form.
  const Architecture& start(std::size_t index) const { return starts_[index]; }
  /// The bits to choose from, ascending.
  const std::vector<int>& bits() const { return bits_; }
  /// The largest cut of any layer of any start.
  int deepest_cut() const;

 private:
  /// Axes: the start, a cut per layer, bits per block.
  std::size_t cut_axis(std::size_t layer) const { return 1 + layer; }
  std::size_t bits_axis(std::size_t block) const { return 1 + layers_ + block; }
  bool is_cut_axis(std::size_t axis) const { return axis >= 1 && axis <= layers_; }
  /// The largest value on `axis` of a member with this start.
  int most(std::size_t start, std::size_t axis) const;
  /// Lowers cuts that the start of `genes` does not have.
  Genes repaired(Genes genes) const;

  const SearchSpace& space_;
  std::vector<Architecture> starts_;
  std::vector<std::vector<bool>> has_weights_;  ///< [start][layer]; a skip has none.
  std::vector<int> bits_;
  bool cuts_widths_;
  std::size_t layers_;
  std::vector<std::vector<int>> axes_;
};

}  // namespace hsconas
