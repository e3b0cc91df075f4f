#include "hsconas/latency/model.hpp"

#include <cstddef>
#include <functional>

namespace hsconas {

namespace {

/// The choice at `layer` for which `is_better(ms, best so far)` holds last; the first of equals.
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

}  // namespace hsconas
