#include <limits>
#include <utility>

#include "hsconas/score/target.hpp"
#include "hsconas/search/search.hpp"

namespace hsconas {

namespace {

constexpr int kStarts = 4;
constexpr int kChangesPerLayer = 100;

}  // namespace

Architecture sample_near_target(const NetworkRegion& region, const Scorer& scorer, double tolerance,
                                Rng& rng) {
  return sample_within(region, scorer,
                       widened_tolerance(scorer.latency(), region, scorer.objective(), tolerance),
                       rng);
}

Architecture sample_within(const NetworkRegion& region, const Scorer& scorer, double near,
                           Rng& rng) {
  if (!scorer.objective().has_target()) return sample(region, rng);
  Architecture nearest;
  double nearest_gap = std::numeric_limits<double>::infinity();
  for (int start = 0; start < kStarts && nearest_gap > near; ++start) {
    Architecture arch = walk_to_latency(sample(region, rng), scorer.latency(), region,
                                        scorer.objective().target_ms, near, kChangesPerLayer, rng);
    const double gap = scorer.gap(arch);
    if (gap < nearest_gap) {
      nearest = std::move(arch);
      nearest_gap = gap;
    }
  }
  return nearest;
}

}  // namespace hsconas
