#include "hsconas/score/target.hpp"

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

Objective objective_of(const Config& config, const LatencyRange& range) {
  const LatencyConfig& latency = config.latency;
  const double at_position =
      range.fastest_ms + latency.target_position * (range.slowest_ms - range.fastest_ms);
  const double target_ms = latency.target_ms == 0.0 ? at_position : latency.target_ms;
  if (target_ms <= 0.0 || range.slowest_ms <= 0.0) {
    throw Error(
        ErrorKind::Data,
        fmt::format("the latency table predicts {:.3g} ms for the fastest network and {:.3g} ms "
                    "for the slowest one, so it cannot guide a search: remove it, and measure "
                    "again on an idle machine or with more latency.bias_networks",
                    range.fastest_ms, range.slowest_ms));
  }
  return {.target_ms = target_ms, .beta = config.score.beta};
}

bool meets_target(const LatencyModel& model, const NetworkRegion& region,
                  const Objective& objective, double tolerance) {
  if (!objective.has_target()) return true;
  return latency_range(model, region).fastest_ms <= objective.target_ms * (1.0 + tolerance);
}

void check_target(const LatencyModel& model, const NetworkRegion& region,
                  const Objective& objective, double tolerance) {
  if (meets_target(model, region, objective, tolerance)) return;
  const LatencyRange range = latency_range(model, region);
  throw Error(ErrorKind::Infeasible,
              fmt::format("no architecture meets latency.target_ms {:.4g}: the fastest possible "
                          "takes {:.4g} {}, the slowest {:.4g} {}",
                          objective.target_ms, range.fastest_ms, model.unit(), range.slowest_ms,
                          model.unit()));
}

double widened_tolerance(const LatencyModel& model, const NetworkRegion& region,
                         const Objective& objective, double tolerance) {
  if (!objective.has_target()) return tolerance;
  const LatencyRange range = latency_range(model, region);
  if (objective.target_ms > range.slowest_ms) return tolerance + objective.gap(range.slowest_ms);
  if (objective.target_ms < range.fastest_ms) return tolerance + objective.gap(range.fastest_ms);
  return tolerance;
}

}  // namespace hsconas
