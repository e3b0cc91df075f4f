#include "hsconas/codesign/compressed_region.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace hsconas {

CompressedRegion::CompressedRegion(const SearchSpace& space, std::span<const Architecture> starts,
                                   Choices choices)
    : space_(space),
      bits_(std::move(choices.bits)),
      cuts_widths_(choices.cuts_widths),
      layers_(static_cast<std::size_t>(space.layers())) {
  for (const Architecture& start : starts) {
    starts_.push_back(space.canonical(start));
    std::vector<bool>& has_weights = has_weights_.emplace_back(layers_, false);
    for (std::size_t layer = 0; layer < layers_; ++layer) {
      const Block block = space.block(static_cast<int>(layer), start[layer]);
      for_each_weighted(block, [&](const Primitive&) { has_weights[layer] = true; });
    }
  }
  std::sort(bits_.begin(), bits_.end());
  const std::size_t count = bits_.empty() ? 1 + layers_ : 1 + layers_ + layers_ + 2;
  for (std::size_t axis = 0; axis < count; ++axis) {
    int last = 0;
    for (std::size_t start = 0; start < starts_.size(); ++start) {
      last = std::max(last, most(start, axis));
    }
    axes_.emplace_back(static_cast<std::size_t>(last) + 1);
    std::iota(axes_.back().begin(), axes_.back().end(), 0);
  }
}

int CompressedRegion::most(std::size_t start, std::size_t axis) const {
  if (axis == 0) return static_cast<int>(starts_.size()) - 1;
  if (!is_cut_axis(axis)) return static_cast<int>(bits_.size()) - 1;
  return cuts_widths_ ? starts_[start][axis - 1].width : 0;
}

int CompressedRegion::deepest_cut() const {
  int deepest = 0;
  for (std::size_t layer = 0; layer < layers_; ++layer) {
    deepest = std::max(deepest, axes_[cut_axis(layer)].back());
  }
  return deepest;
}

bool CompressedRegion::contains(const Genes& genes) const {
  if (genes.size() != axes_.size()) return false;
  if (genes[0] < 0 || genes[0] > most(0, 0)) return false;
  const auto start = static_cast<std::size_t>(genes[0]);
  for (std::size_t axis = 1; axis < genes.size(); ++axis) {
    if (genes[axis] < 0 || genes[axis] > most(start, axis)) return false;
  }
  return true;
}

Genes CompressedRegion::repaired(Genes genes) const {
  const auto start = static_cast<std::size_t>(genes[0]);
  for (std::size_t axis = 1; axis <= layers_; ++axis) {
    genes[axis] = std::min(genes[axis], most(start, axis));
  }
  return genes;
}

Genes CompressedRegion::sample(Rng& rng) const {
  Genes genes(axes_.size());
  genes[0] = static_cast<int>(rng.index(starts_.size()));
  const auto start = static_cast<std::size_t>(genes[0]);
  for (std::size_t axis = 1; axis < genes.size(); ++axis) {
    genes[axis] = static_cast<int>(rng.index(static_cast<std::size_t>(most(start, axis)) + 1));
  }
  return genes;
}

Genes CompressedRegion::mutate(const Genes& genes, double probability, Rng& rng) const {
  Genes child = genes;
  if (rng.chance(probability)) child[0] = static_cast<int>(rng.index(starts_.size()));
  const auto start = static_cast<std::size_t>(child[0]);
  for (std::size_t axis = 1; axis < child.size(); ++axis) {
    if (!rng.chance(probability)) continue;
    child[axis] = static_cast<int>(rng.index(static_cast<std::size_t>(most(start, axis)) + 1));
  }
  return repaired(std::move(child));
}

Genes CompressedRegion::step(const Genes& genes, Rng& rng) const {
  const auto start = static_cast<std::size_t>(genes[0]);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    Genes child = genes;
    const std::size_t axis = rng.index(child.size());
    const int last = most(start, axis);
    if (last == 0) continue;
    if (axis == 0) {  // Starts are in no order: any other one is next to this one.
      const auto other = 1 + rng.index(static_cast<std::size_t>(last));
      child[0] = static_cast<int>((start + other) % starts_.size());
      return repaired(std::move(child));
    }
    child[axis] += rng.chance(0.5) ? 1 : -1;
    if (child[axis] >= 0 && child[axis] <= last) return child;
  }
  return genes;
}

Genes CompressedRegion::cross(const Genes& a, const Genes& b, Rng& rng) const {
  return repaired(Region::cross(a, b, rng));
}

double CompressedRegion::log10_size() const {
  double members = 0.0;  // As a multiple of the members of the largest start.
  std::vector<double> sizes;
  for (std::size_t start = 0; start < starts_.size(); ++start) {
    double size = 0.0;
    for (std::size_t axis = 1; axis < axes_.size(); ++axis) {
      size += std::log10(static_cast<double>(most(start, axis)) + 1.0);
    }
    sizes.push_back(size);
  }
  const double largest = *std::max_element(sizes.begin(), sizes.end());
  for (const double size : sizes) members += std::pow(10.0, size - largest);
  return largest + std::log10(members);
}

CompressedNetwork CompressedRegion::network_of(const Genes& genes) const {
  CompressedNetwork network{.start = static_cast<std::size_t>(genes[0]), .arch = {}, .bits = {}};
  Architecture arch = starts_[network.start];
  for (std::size_t layer = 0; layer < layers_; ++layer) arch[layer].width -= genes[cut_axis(layer)];
  network.arch = space_.canonical(std::move(arch));
  if (bits_.empty()) return network;
  for (std::size_t block = 0; block < layers_ + 2; ++block) {
    network.bits.push_back(bits_[static_cast<std::size_t>(genes[bits_axis(block)])]);
  }
  for (std::size_t layer = 0; layer < layers_; ++layer) {
    if (!has_weights_[network.start][layer]) network.bits[1 + layer] = bits_.back();
  }
  return network;
}

Genes CompressedRegion::genes_of(const CompressedNetwork& network) const {
  Genes genes(axes_.size());
  genes[0] = static_cast<int>(network.start);
  for (std::size_t layer = 0; layer < layers_; ++layer) {
    genes[cut_axis(layer)] = starts_[network.start][layer].width - network.arch[layer].width;
  }
  for (std::size_t block = 0; block < network.bits.size(); ++block) {
    const auto at = std::lower_bound(bits_.begin(), bits_.end(), network.bits[block]);
    genes[bits_axis(block)] = static_cast<int>(at - bits_.begin());
  }
  return genes;
}

Genes CompressedRegion::uniform(std::size_t start, int cut, std::size_t bits) const {
  Genes genes(axes_.size());
  genes[0] = static_cast<int>(start);
  for (std::size_t layer = 0; layer < layers_; ++layer) genes[cut_axis(layer)] = cut;
  for (std::size_t axis = bits_axis(0); axis < genes.size(); ++axis) {
    genes[axis] = static_cast<int>(bits);
  }
  return repaired(std::move(genes));
}

}  // namespace hsconas
