#include "hsconas/latency/model.hpp"

#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>

namespace hsconas {

namespace {

/// The choice at `layer` with the best latency, the first of equals; other layers are as in `base`.
template <typename Better>
LayerChoice best_choice(const LatencyModel& model, const Subspace& subspace, std::size_t layer,
                        Architecture base, Better is_better) {
  LayerChoice best = base[layer];
  double best_ms = model.predict_ms(base);
  for (const int op : subspace.ops[layer]) {
    for (const int width : subspace.widths[layer]) {
      base[layer] = {op, width};
      const double ms = model.predict_ms(base);
      if (is_better(ms, best_ms)) {
        best = base[layer];
        best_ms = ms;
      }
    }
  }
  return best;
}

/// `arch` with the operator, the width, or both of one layer redrawn. Both are needed near the ends
/// of the range, where another operator may help only at another width.
Architecture change_once(Architecture arch, const Subspace& subspace, Rng& rng) {
  const std::size_t layer = rng.index(arch.size());
  const auto redraw = [&](int& gene, const std::vector<int>& allowed) {
    gene = allowed[rng.index(allowed.size())];
  };
  const std::size_t kind = rng.index(3);
  if (kind != 0) redraw(arch[layer].op, subspace.ops[layer]);
  if (kind != 1) redraw(arch[layer].width, subspace.widths[layer]);
  return arch;
}

}  // namespace

LatencyRange latency_range(const LatencyModel& model, const Subspace& subspace) {
  Architecture base(subspace.ops.size());
  for (std::size_t layer = 0; layer < base.size(); ++layer) {
    base[layer] = {subspace.ops[layer].front(), subspace.widths[layer].front()};
  }
  LatencyRange range{.fastest = base, .slowest = base};
  for (std::size_t layer = 0; layer < base.size(); ++layer) {
    range.fastest[layer] = best_choice(model, subspace, layer, base, std::less<>());
    range.slowest[layer] = best_choice(model, subspace, layer, base, std::greater<>());
  }
  range.fastest_ms = model.predict_ms(range.fastest);
  range.slowest_ms = model.predict_ms(range.slowest);
  return range;
}

Architecture walk_to_latency(Architecture arch, const LatencyModel& model, const Subspace& subspace,
                             double goal_ms, double tolerance, int changes_per_layer, Rng& rng) {
  const auto gap_of = [&](const Architecture& a) {
    return std::abs(model.predict_ms(a) / goal_ms - 1.0);
  };
  double gap = gap_of(arch);
  for (int i = 0; i < changes_per_layer * subspace.layers() && gap > tolerance; ++i) {
    Architecture changed = change_once(arch, subspace, rng);
    const double changed_gap = gap_of(changed);
    if (changed_gap >= gap) continue;
    arch = std::move(changed);
    gap = changed_gap;
  }
  return arch;
}

}  // namespace hsconas
