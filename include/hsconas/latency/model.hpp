#pragma once

#include "hsconas/base/rng.hpp"
#include "hsconas/space/architecture.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

/// Predicts how long a network takes. Search and shrinking know latencies through this interface
/// only. Implementations are additive over layers and cheap: O(layers), no allocation.
class LatencyModel {
 public:
  virtual ~LatencyModel() = default;
  /// Milliseconds for one batch of the size the model was made for.
  virtual double predict_ms(const Architecture& arch) const = 0;
};

/// The architectures of `subspace` with the smallest and the largest prediction. They are exact
/// because the model is additive, so each layer can be chosen on its own.
/// Cost: 2 x layers x ops x widths predictions.
struct LatencyRange {
  Architecture fastest;
  Architecture slowest;
  double fastest_ms = 0.0;
  double slowest_ms = 0.0;
};
LatencyRange latency_range(const LatencyModel& model, const Subspace& subspace);

/// A random walk from `arch` towards `goal_ms`. Each try redraws the operator, the width or both of
/// one layer and is undone unless it comes nearer. The walk ends when |latency / goal - 1| <=
/// `tolerance` or after `changes_per_layer` x layers tries. Cost: one prediction per try.
Architecture walk_to_latency(Architecture arch, const LatencyModel& model, const Subspace& subspace,
                             double goal_ms, double tolerance, int changes_per_layer, Rng& rng);

}  // namespace hsconas
