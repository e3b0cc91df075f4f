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

}  // namespace

Subspace Subspace::full(const SearchSpace& space) {
  const auto layers = static_cast<std::size_t>(space.layers());
  return {.ops = std::vector(layers, iota(space.ops())),
          .widths = std::vector(layers, iota(space.widths()))};
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

bool Subspace::contains(const Architecture& arch) const {
  if (arch.size() != ops.size()) return false;
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    if (!has(ops[layer], arch[layer].op) || !has(widths[layer], arch[layer].width)) return false;
  }
  return true;
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

Architecture sample(const Subspace& subspace, Rng& rng) {
  Architecture arch(subspace.ops.size());
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    arch[layer].op = pick(subspace.ops[layer], rng);
    arch[layer].width = pick(subspace.widths[layer], rng);
  }
  return arch;
}

Architecture mutate(const Architecture& arch, const Subspace& subspace, double probability,
                    Rng& rng) {
  Architecture child = arch;
  for (std::size_t layer = 0; layer < child.size(); ++layer) {
    if (rng.chance(probability)) child[layer].op = pick(subspace.ops[layer], rng);
    if (rng.chance(probability)) child[layer].width = pick(subspace.widths[layer], rng);
  }
  return child;
}

Architecture cross(const Architecture& a, const Architecture& b, Rng& rng) {
  Architecture child = a;
  for (std::size_t layer = 0; layer < child.size(); ++layer) {
    if (rng.chance(0.5)) child[layer].op = b[layer].op;
    if (rng.chance(0.5)) child[layer].width = b[layer].width;
  }
  return child;
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
