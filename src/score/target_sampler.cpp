#include "hsconas/score/target_sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "hsconas/latency/model.hpp"
#include "hsconas/score/feasible.hpp"
#include "hsconas/score/inside.hpp"
#include "hsconas/score/limits.hpp"
#include "hsconas/score/target.hpp"

namespace hsconas {

namespace {

constexpr int kStarts = 4;
constexpr int kChangesPerLayer = 100;
constexpr int kWanderPerLayer = 20;
constexpr int kHalvings = 12;

}  // namespace

TargetSampler::TargetSampler(const NetworkRegion& region, const Scorer& scorer, double tolerance)
    : region_(region), scorer_(scorer), tolerance_(tolerance) {
  if (!scorer.objective().has_target()) tolerance_ = std::numeric_limits<double>::infinity();
  if (!scorer.limits().empty()) {
    find_inside_member(tolerance_);
  } else if (std::isfinite(tolerance_)) {
    tolerance_ = widened_tolerance(scorer.latency(), region, scorer.objective(), tolerance);
  }
}

void TargetSampler::find_inside_member(double tolerance) {
  Genes fast = genes_of(check_budget(scorer_.space(), scorer_.latency(), region_,
                                     scorer_.objective(), scorer_.limits(), tolerance));
  const auto gap = [this](const Genes& genes) { return scorer_.gap(architecture_of(genes)); };
  inside_ = std::move(fast);
  if (!std::isfinite(tolerance)) return;
  // Halves the gap that the slowest network inside is known to have, while it is too large.
  double too_small = 0.0;
  double wanted = tolerance;
  Rng rng(0, "target");
  for (int i = 0; i < kHalvings && gap(inside_) > tolerance; ++i) {
    if (auto slow = find_slow_member(wanted, tolerance)) {
      inside_ = approach(genes_of(*slow), tolerance, rng);
    } else {
      too_small = wanted;
    }
    wanted = (too_small + gap(inside_)) / 2.0;
  }
  const double nearest = gap(inside_);
  if (nearest > tolerance) tolerance_ = tolerance + nearest;
}

std::optional<Architecture> TargetSampler::find_slow_member(double gap, double tolerance) const {
  const double target_ms = scorer_.objective().target_ms;
  const auto limited = scorer_.limits().all();
  std::vector<NetworkLimit> all(limited.begin(), limited.end());
  all.push_back(latency_limit(scorer_.space(), scorer_.latency(), target_ms, tolerance));
  all.push_back(slowness_limit(scorer_.space(), scorer_.latency(), target_ms, gap));
  // Where T is above all networks, the slowest have a slowness of 0.
  if (!(all.back().bound > 0.0)) return {};
  return find_inside(region_, all).arch;
}

Genes TargetSampler::approach(Genes genes, double tolerance, Rng& rng) const {
  double gap = scorer_.gap(architecture_of(genes));
  const int steps = kStarts * kChangesPerLayer * static_cast<int>(genes.size() / 2);
  for (int i = 0; i < steps && gap > tolerance; ++i) {
    Genes changed = region_.step(genes, rng);
    const Architecture arch = architecture_of(changed);
    const double changed_gap = scorer_.gap(arch);
    // Steps that change nothing in the latency may make room in a limited quantity.
    if (changed_gap > gap || scorer_.limits().violation(arch) > 0.0) continue;
    genes = std::move(changed);
    gap = changed_gap;
  }
  return genes;
}

double TargetSampler::violation(const Architecture& arch) const {
  double sum = scorer_.limits().violation(arch);
  if (!std::isfinite(tolerance_)) return sum;
  const double gap = scorer_.gap(arch);
  return gap <= tolerance_ ? sum : sum + gap;
}

Architecture TargetSampler::sample(Rng& rng) const {
  if (!scorer_.limits().empty()) return sample_inside(rng);
  return std::isfinite(tolerance_) ? sample_near(rng) : hsconas::sample(region_, rng);
}

Architecture TargetSampler::sample_near(Rng& rng) const {
  Architecture nearest;
  double nearest_gap = std::numeric_limits<double>::infinity();
  for (int start = 0; start < kStarts && nearest_gap > tolerance_; ++start) {
    Architecture arch =
        walk_to_latency(hsconas::sample(region_, rng), scorer_.latency(), region_,
                        scorer_.objective().target_ms, tolerance_, kChangesPerLayer, rng);
    const double gap = scorer_.gap(arch);
    if (gap < nearest_gap) {
      nearest = std::move(arch);
      nearest_gap = gap;
    }
  }
  return nearest;
}

Architecture TargetSampler::sample_inside(Rng& rng) const {
  const int layers = static_cast<int>(inside_.size() / 2);
  for (int start = 0; start < kStarts; ++start) {
    Genes genes = region_.sample(rng);
    double outside = violation(architecture_of(genes));
    for (int i = 0; i < kChangesPerLayer * layers && outside > 0.0; ++i) {
      Genes changed = region_.step(genes, rng);
      const double now = violation(architecture_of(changed));
      if (now >= outside) continue;
      genes = std::move(changed);
      outside = now;
    }
    if (outside == 0.0) return architecture_of(genes);
  }
  Genes genes = inside_;
  for (int i = 0; i < kWanderPerLayer * layers; ++i) {
    Genes changed = region_.step(genes, rng);
    if (violation(architecture_of(changed)) == 0.0) genes = std::move(changed);
  }
  return architecture_of(genes);
}

}  // namespace hsconas
