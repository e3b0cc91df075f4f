#include <cstddef>
#include <limits>
#include <utility>

#include "hsconas/score/target.hpp"
#include "hsconas/search/search.hpp"

namespace hsconas {

namespace {

constexpr int kStarts = 4;
constexpr int kChangesPerLayer = 100;

/// `arch` with the operator, the width, or both of one layer redrawn: towards either end of the
/// range the operator that helps may only do so at another width.
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

Architecture sample_near_target(const Subspace& subspace, const Scorer& scorer, double tolerance,
                                Rng& rng) {
  const double near = widened_tolerance(scorer.latency(), subspace, scorer.objective(), tolerance);
  const int changes = kChangesPerLayer * subspace.layers();
  Architecture nearest;
  double nearest_gap = std::numeric_limits<double>::infinity();
  for (int start = 0; start < kStarts && nearest_gap > near; ++start) {
    Architecture arch = sample(subspace, rng);
    double gap = scorer.gap(arch);
    for (int i = 0; i < changes && gap > near; ++i) {
      Architecture changed = change_once(arch, subspace, rng);
      const double changed_gap = scorer.gap(changed);
      if (changed_gap >= gap) continue;
      arch = std::move(changed);
      gap = changed_gap;
    }
    if (gap < nearest_gap) {
      nearest = std::move(arch);
      nearest_gap = gap;
    }
  }
  return nearest;
}

}  // namespace hsconas
