#pragma once

#include <optional>

#include "hsconas/base/rng.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// Draws networks of a region that are near T and inside the limits of a scorer.
class TargetSampler {
 public:
  /// Both must outlive it. An infinite tolerance leaves T out, as does a
  /// scorer without a target. Throws Error(Infeasible) as
  /// check_budget() where there are limits.
  TargetSampler(const NetworkRegion& region, const Scorer& scorer, double tolerance);

  /// A network drawn uniformly, then moved by steps of the region that come nearer until it is
  /// inside. Where a bounded number of steps and fresh starts does not get there: without limits
  /// the nearest one reached; with limits the end of a random walk inside them from a known
  /// network, so that all are inside. Costs no evaluation.
  Architecture sample(Rng& rng) const;

  /// How far `arch` is outside: its excess over the limits and, where it misses T by more than the
  /// tolerance, the distance. 0 inside. Costs no evaluation.
  double violation(const Architecture& arch) const;

  /// The largest |latency / T - 1| that counts as near: the tolerance, and more where no network
  /// gets as near, see widened_tolerance(). With limits, "no network" means that none was found.
  double tolerance() const { return tolerance_; }

 private:
  void find_inside_member(double tolerance);
  /// A network inside that takes T x (1 - gap) to T x (1 + tolerance), if one is found.
  std::optional<Architecture> find_slow_member(double gap, double tolerance) const;
  /// Steps that keep to the limits and come nearer to T.
  Genes approach(Genes genes, double tolerance, Rng& rng) const;
  Architecture sample_near(Rng& rng) const;
  Architecture sample_inside(Rng& rng) const;

  const NetworkRegion& region_;
  const Scorer& scorer_;
  double tolerance_;
  Genes inside_;  ///< With limits: a network that is inside.
};

}  // namespace hsconas
