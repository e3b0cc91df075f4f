#include "hsconas/space/subspace.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <fmt/format.h>

namespace hsconas {

namespace {

std::vector<int> iota(int count) {
  std::vector<int> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

int pick(const std::vector<int>& from, Rng& rng) {
  return from[rng.index(from.size())];
}

bool has(const std::vector<int>& values, int value) {
  return std::binary_search(values.begin(), values.end(), value);
}

const std::vector<int>& allowed(const Subspace& subspace, std::size_t axis) {
  return axis % 2 == 0 ? subspace.ops[axis / 2] : subspace.widths[axis / 2];
}

}  // namespace

Subspace Subspace::full(const SearchSpace& space) {
  const auto layers = static_cast<std::size_t>(space.layers());
  Subspace result;
  result.ops = std::vector(layers, iota(space.ops()));
  result.widths = std::vector(layers, iota(space.widths()));
  return result;
}

Subspace Subspace::only(const Architecture& arch) {
  Subspace result;
  for (const LayerChoice& choice : arch) {
    result.ops.push_back({choice.op});
    result.widths.push_back({choice.width});
  }
  return result;
}

double Subspace::log10_size() const {
  double total = 0.0;
  for (std::size_t layer = 0; layer < ops.size(); ++layer) {
    total += std::log10(static_cast<double>(ops[layer].size() * widths[layer].size()));
  }
  return total;
}

std::vector<std::vector<int>> Subspace::axes() const {
  std::vector<std::vector<int>> all;
  for (std::size_t layer = 0; layer < ops.size(); ++layer) {
    all.push_back(ops[layer]);
    all.push_back(widths[layer]);
  }
  return all;
}

bool Subspace::contains(const Genes& genes) const {
  if (genes.size() != 2 * ops.size()) return false;
  for (std::size_t axis = 0; axis < genes.size(); ++axis) {
    if (!has(allowed(*this, axis), genes[axis])) return false;
  }
  return true;
}

Genes Subspace::sample(Rng& rng) const {
  Genes genes(2 * ops.size());
  for (std::size_t axis = 0; axis < genes.size(); ++axis) {
    genes[axis] = pick(allowed(*this, axis), rng);
  }
  return genes;
}

Genes Subspace::mutate(const Genes& genes, double probability, Rng& rng) const {
  Genes child = genes;
  for (std::size_t axis = 0; axis < child.size(); ++axis) {
    if (rng.chance(probability)) child[axis] = pick(allowed(*this, axis), rng);
  }
  return child;
}

Genes Subspace::step(const Genes& genes, Rng& rng) const {
  Genes changed = genes;
  const std::size_t layer = rng.index(ops.size());
  const std::size_t kind = rng.index(3);
  if (kind != 0) changed[2 * layer] = pick(ops[layer], rng);
  if (kind != 1) changed[2 * layer + 1] = pick(widths[layer], rng);
  return changed;
}

NetworkRegion::Extremes Subspace::extremes(
    const std::function<double(const Architecture&)>& cost) const {
  Architecture base(ops.size());
  for (std::size_t layer = 0; layer < base.size(); ++layer) {
    base[layer] = {ops[layer].front(), widths[layer].front()};
  }
  Extremes result{base, base};
  const double base_cost = cost(base);
  for (std::size_t layer = 0; layer < base.size(); ++layer) {
    double least = base_cost;
    double greatest = base_cost;
    Architecture changed = base;
    for (const int op : ops[layer]) {
      for (const int width : widths[layer]) {
        changed[layer] = {op, width};
        const double value = cost(changed);
        if (value < least) {
          least = value;
          result.least[layer] = changed[layer];
        }
        if (value > greatest) {
          greatest = value;
          result.greatest[layer] = changed[layer];
        }
      }
    }
  }
  return result;
}

double log10_distinct(const SearchSpace& space, const Subspace& subspace) {
  double total = 0.0;
  for (int layer = 0; layer < subspace.layers(); ++layer) {
    const auto l = static_cast<std::size_t>(layer);
    std::size_t choices = 0;
    for (const int op : subspace.ops[l]) {
      std::set<int> mids;
      for (const int width : subspace.widths[l]) {
        mids.insert(space.mid_channels(layer, {op, width}));
      }
      choices += mids.size();
    }
    total += std::log10(static_cast<double>(choices));
  }
  return total;
}

std::string format_power(double log10_value) {
  double exponent = std::floor(log10_value);
  double mantissa = std::pow(10.0, log10_value - exponent);
  if (mantissa >= 9.995) {  // Would print as 10.00.
    mantissa /= 10.0;
    exponent += 1.0;
  }
  if (exponent < 6) return fmt::format("{:.0f}", std::pow(10.0, log10_value));
  return fmt::format("{:.2f}e{:.0f}", mantissa, exponent);
}

}  // namespace hsconas
