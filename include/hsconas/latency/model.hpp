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

/// The architectures of `subspace` with the smallest and the largest prediction. Exact because the
/// model adds up over layers: each layer is chosen on its own. Cost: 2 x layers x ops x widths
/// calls.
struct LatencyRange {
  Architecture fastest;
  Architecture slowest;
  double fastest_ms = 0.0;
  double slowest_ms = 0.0;
};
LatencyRange latency_range(const LatencyModel& model, const Subspace& subspace);

/// A random walk from `arch` towards `goal_ms`: one layer's operator, width or both are redrawn at
/// a time, and what comes no nearer is undone, until |latency / goal - 1| <= `tolerance` or
/// `changes_per_layer` x layers tries are spent. Cost: one prediction per try.
Architecture walk_to_latency(Architecture arch, const LatencyModel& model, const Subspace& subspace,
                             double goal_ms, double tolerance, int changes_per_layer, Rng& rng);

}  // namespace hsconas
