#pragma once

#include <cmath>

namespace hsconas {

/// What a candidate is worth: accuracy, less a penalty for missing the target.
/// Source: HSCoNAS (Luo et al., DATE 2021), F(arch, T).
struct Objective {
  double target_ms = 0.0;  ///< The latency asked for, milliseconds, > 0; 0: there is no budget.
  double beta = -0.5;      ///< Weight of the penalty; negative.

  bool has_target() const { return target_ms > 0.0; }

  /// Relative distance from the target, >= 0; 0 without a target.
  double gap(double latency_ms) const {
    return has_target() ? std::abs(latency_ms / target_ms - 1.0) : 0.0;
  }

  /// score = accuracy + beta * |latency / target - 1|.
  /// `accuracy` is a fraction in [0, 1], not a percentage. Both faster and slower
  /// than the target cost the same: unused budget is capacity left on the table.
  double score(double accuracy, double latency_ms) const {
    return accuracy + beta * gap(latency_ms);
  }
};

}  // namespace hsconas
