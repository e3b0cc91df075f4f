#pragma once

#include <string>

#include "hsconas/base/rng.hpp"
#include "hsconas/space/architecture.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

/// The networks of a region with the smallest and the largest latency.
struct LatencyRange {
  Architecture fastest;
  Architecture slowest;
  double fastest_ms = 0.0;
  double slowest_ms = 0.0;
};

/// Predicts how long a network takes. Search and shrinking know latencies through this interface
/// only. Implementations are cheap: O(layers), no allocation.
class LatencyModel {
 public:
  virtual ~LatencyModel() = default;
  /// Milliseconds for one batch of the size the model was made for.
  virtual double predict_ms(const Architecture& arch) const = 0;
  /// The sum over the layers of which predict_ms() is max(sum, 0). Differences of predictions must
  /// be taken from it, because they are lost where a prediction is 0.
  virtual double sum_ms(const Architecture& arch) const { return predict_ms(arch); }
  /// The extremes of a region. This is exact for a model that adds up over layers; others override
  /// it. Cost: that of NetworkRegion::extremes().
  virtual LatencyRange range(const NetworkRegion& region) const;
  /// What predict_ms() counts, for messages. Only known costs of networks have another unit.
  virtual std::string unit() const { return "ms"; }
};

/// model.range(region).
LatencyRange latency_range(const LatencyModel& model, const NetworkRegion& region);

/// A random walk from `arch`, a member of `region`, towards `goal_ms`. Each step of the region is
/// undone unless it comes nearer. The walk ends when |latency / goal - 1| <= `tolerance` or after
/// `changes_per_layer` x layers steps. Cost: one prediction per step.
Architecture walk_to_latency(const Architecture& arch, const LatencyModel& model,
                             const NetworkRegion& region, double goal_ms, double tolerance,
                             int changes_per_layer, Rng& rng);

}  // namespace hsconas
