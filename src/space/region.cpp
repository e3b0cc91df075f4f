#include "hsconas/space/region.hpp"

namespace hsconas {

namespace {

Genes joined(Genes first, const Genes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

Genes Region::cross(const Genes& a, const Genes& b, Rng& rng) const {
  Genes child = a;
  for (std::size_t axis = 0; axis < child.size(); ++axis) {
    if (rng.chance(0.5)) child[axis] = b[axis];
  }
  return child;
}

Genes Region::mutate_on(const std::vector<std::vector<int>>& axes, const Genes& genes,
                        double probability, Rng& rng) const {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    Genes child = genes;
    for (std::size_t axis = 0; axis < child.size(); ++axis) {
      if (rng.chance(probability)) child[axis] = axes[axis][rng.index(axes[axis].size())];
    }
    if (contains(child)) return child;
  }
  return genes;
}

JoinedRegion::JoinedRegion(const Region& first, const Region& second)
    : first_(first), second_(second), first_axes_(first.axes().size()) {}

Genes JoinedRegion::first_of(const Genes& genes) const {
  return {genes.begin(), genes.begin() + static_cast<std::ptrdiff_t>(first_axes_)};
}

Genes JoinedRegion::second_of(const Genes& genes) const {
  return {genes.begin() + static_cast<std::ptrdiff_t>(first_axes_), genes.end()};
}

std::vector<std::vector<int>> JoinedRegion::axes() const {
  auto all = first_.axes();
  const auto more = second_.axes();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool JoinedRegion::contains(const Genes& genes) const {
  return genes.size() >= first_axes_ && first_.contains(first_of(genes)) &&
         second_.contains(second_of(genes));
}

Genes JoinedRegion::sample(Rng& rng) const {
  Genes first = first_.sample(rng);
  return joined(std::move(first), second_.sample(rng));
}

Genes JoinedRegion::mutate(const Genes& genes, double probability, Rng& rng) const {
  Genes first = first_.mutate(first_of(genes), probability, rng);
  return joined(std::move(first), second_.mutate(second_of(genes), probability, rng));
}

Genes JoinedRegion::step(const Genes& genes, Rng& rng) const {
  const std::size_t first_weight = first_.log10_size() > 0.0 ? first_axes_ : 0;
  const std::size_t second_weight = second_.log10_size() > 0.0 ? second_.axes().size() : 0;
  if (first_weight + second_weight == 0) return genes;
  if (rng.index(first_weight + second_weight) < first_weight) {
    return joined(first_.step(first_of(genes), rng), second_of(genes));
  }
  return joined(first_of(genes), second_.step(second_of(genes), rng));
}

double JoinedRegion::log10_size() const {
  return first_.log10_size() + second_.log10_size();
}

}  // namespace hsconas
