#include <cstddef>
#include <limits>
#include <utility>

#include "hsconas/score/target.hpp"
#include "hsconas/search/search.hpp"

namespace hsconas {

namespace {

constexpr int kStarts = 4;
constexpr int kChangesPerLayer = 50;

/// `arch` with the operator or the width of one layer redrawn.
Architecture change_once(Architecture arch, const Subspace& subspace, Rng& rng) {
  const std::size_t layer = rng.index(arch.size());
  const bool change_op = rng.chance(0.5);
  const auto& allowed = change_op ? subspace.ops[layer] : subspace.widths[layer];
  int& gene = change_op ? arch[layer].op : arch[layer].width;
  gene = allowed[rng.index(allowed.size())];
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
