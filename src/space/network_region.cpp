#include "hsconas/space/network_region.hpp"

#include <cmath>
#include <utility>

namespace hsconas {

Genes genes_of(const Architecture& arch) {
  Genes genes;
  genes.reserve(2 * arch.size());
  for (const LayerChoice& choice : arch) {
    genes.push_back(choice.op);
    genes.push_back(choice.width);
  }
  return genes;
}

Architecture architecture_of(const Genes& genes) {
  Architecture arch(genes.size() / 2);
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    arch[layer] = {genes[2 * layer], genes[2 * layer + 1]};
  }
  return arch;
}

Architecture sample(const NetworkRegion& region, Rng& rng) {
  return architecture_of(region.sample(rng));
}

std::vector<int> NetworkRegion::ops_at(int layer) const {
  return axes()[2 * static_cast<std::size_t>(layer)];
}

ListedNetworks::ListedNetworks(const SearchSpace& space, std::span<const Architecture> networks)
    : space_(space),
      networks_(networks.begin(), networks.end()),
      members_(networks.begin(), networks.end()) {
  std::vector<std::set<int>> values;
  for (const Architecture& arch : networks_) {
    const Genes genes = genes_of(arch);
    values.resize(genes.size());
    for (std::size_t axis = 0; axis < genes.size(); ++axis) values[axis].insert(genes[axis]);
  }
  for (const std::set<int>& axis : values) axes_.emplace_back(axis.begin(), axis.end());
}

bool ListedNetworks::contains(const Genes& genes) const {
  return genes.size() == axes_.size() &&
         members_.contains(space_.canonical(architecture_of(genes)));
}

Genes ListedNetworks::sample(Rng& rng) const {
  return genes_of(networks_[rng.index(networks_.size())]);
}

Genes ListedNetworks::mutate(const Genes& genes, double probability, Rng& rng) const {
  return mutate_on(axes_, genes, probability, rng);
}

Genes ListedNetworks::step(const Genes& genes, Rng& rng) const {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    Genes child = genes;
    const std::size_t axis = rng.index(child.size());
    child[axis] = axes_[axis][rng.index(axes_[axis].size())];
    if (contains(child)) return child;
  }
  return genes;
}

double ListedNetworks::log10_size() const {
  return std::log10(static_cast<double>(members_.size()));
}

NetworkRegion::Extremes ListedNetworks::extremes(
    const std::function<double(const Architecture&)>& cost) const {
  Extremes result{networks_.front(), networks_.front()};
  double least = cost(networks_.front());
  double greatest = least;
  for (const Architecture& arch : networks_) {
    const double value = cost(arch);
    if (value < least) {
      least = value;
      result.least = arch;
    }
    if (value > greatest) {
      greatest = value;
      result.greatest = arch;
    }
  }
  return result;
}

}  // namespace hsconas
