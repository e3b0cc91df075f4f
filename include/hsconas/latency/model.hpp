#pragma once

#include "hsconas/base/rng.hpp"
#include "hsconas/space/architecture.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

/// Predicts how long a network takes. One of the three seams: search and shrinking know only this.
/// Implementations are additive over layers and cheap: O(layers), no allocation.
class LatencyModel {
 public:
  virtual ~LatencyModel() = default;
  /// Milliseconds for one batch of the size the model was made for.
  virtual double predict_ms(const Architecture& arch) const = 0;
};

/// The networks of a region with the smallest and the largest prediction. Exact because the model
/// adds up over layers. Cost: that of NetworkRegion::extremes().
struct LatencyRange {
  Architecture fastest;
  Architecture slowest;
  double fastest_ms = 0.0;
  double slowest_ms = 0.0;
};
LatencyRange latency_range(const LatencyModel& model, const NetworkRegion& region);

/// A random walk from `arch`, a member of `region`, towards `goal_ms`: takes steps of the region,
/// undoing those that come no nearer, until |latency / goal - 1| <= `tolerance` or
/// `changes_per_layer` x layers steps were tried. Cost: one prediction per step.
Architecture walk_to_latency(const Architecture& arch, const LatencyModel& model,
                             const NetworkRegion& region, double goal_ms, double tolerance,
                             int changes_per_layer, Rng& rng);

}  // namespace hsconas
