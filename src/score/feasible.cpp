#include "hsconas/score/feasible.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/score/target.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

/// The value as a config states it. Rounded up, so that it can be met.
std::string setting(LimitUnit unit, double value) {
  if (unit == LimitUnit::Parameters || unit == LimitUnit::Macs) {
    return fmt::format("{:.0f}", std::ceil(value - 1e-6));
  }
  const double step = std::pow(10.0, std::floor(std::log10(value)) - 3.0);
  return fmt::format("{:.4g}", std::ceil(value / step - 1e-9) * step);
}

/// Limits of which no network of a region keeps to all.
class Conflict {
 public:
  Conflict(const NetworkRegion& region, std::vector<NetworkLimit> limits, double tolerance)
      : region_(region), all_(std::move(limits)), tolerance_(tolerance) {
    // Leaves out every limit without which there is a conflict still.
    limits_ = all_;
    for (std::size_t k = limits_.size(); k-- > 0 && limits_.size() > 1;) {
      std::vector<NetworkLimit> others = limits_;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
      if (!find_inside(region_, others).arch) limits_ = std::move(others);
    }
  }

  bool is_of_latency() const {
    return limits_.size() == 1 && limits_.front().key == "latency.target_ms";
  }

  std::string sentence() const {
    std::vector<std::string> names;
    std::vector<std::string> remedies;
    for (std::size_t k = 0; k < limits_.size(); ++k) {
      names.push_back(limits_[k].key + " " + stated(limits_[k], limits_[k].bound));
      if (const auto remedy = remedy_of(k)) remedies.push_back(*remedy);
    }
    const bool is_certain = find_inside(region_, limits_).is_certain;
    std::string text =
        fmt::format("no architecture {} {}{}", is_certain ? "meets" : "was found that meets",
                    listed(names, "and"), names.size() > 1 ? " together" : "");
    if (!remedies.empty()) text += ": raise " + listed(remedies, "or");
    return text;
  }

 private:
  /// "a, b and c".
  static std::string listed(std::vector<std::string> items, const char* word) {
    const std::string last = items.back();
    items.pop_back();
    return items.empty() ? last : fmt::format("{} {} {}", join(items, ", "), word, last);
  }

  /// The bound as in the config, where that of the latency is without the tolerance.
  std::string stated(const NetworkLimit& limit, double bound) const {
    const bool is_target = limit.key == "latency.target_ms";
    return setting(limit.unit, is_target ? bound / (1.0 + tolerance_) : bound);
  }

  std::optional<std::string> remedy_of(std::size_t k) const {
    const auto is_same = [&](const NetworkLimit& limit) { return limit.key == limits_[k].key; };
    const auto in_all = std::find_if(all_.begin(), all_.end(), is_same) - all_.begin();
    // Where other limits exclude each other, too, raising this one resolves this conflict only.
    auto relaxed = relaxed_bound(region_, all_, static_cast<std::size_t>(in_all));
    if (!relaxed) relaxed = relaxed_bound(region_, limits_, k);
    if (!relaxed) return {};
    return fmt::format("{} to at least {}", limits_[k].key, stated(limits_[k], relaxed->value));
  }

  const NetworkRegion& region_;
  std::vector<NetworkLimit> all_;
  double tolerance_;
  std::vector<NetworkLimit> limits_;  ///< An irreducible part of all_ that excludes each other.
};

/// The limits and that of the latency, unless the tolerance is infinite.
std::vector<NetworkLimit> with_latency(const SearchSpace& space, const LatencyModel& model,
                                       const Objective& objective, const NetworkLimits& limits,
                                       double tolerance) {
  std::vector<NetworkLimit> all(limits.all().begin(), limits.all().end());
  if (std::isfinite(tolerance)) {
    all.push_back(latency_limit(space, model, objective.target_ms, tolerance));
  }
  return all;
}

/// The share of uniformly drawn networks that keep to the limits.
double share_inside(const SearchSpace& space, const NetworkLimits& limits) {
  constexpr int kSamples = 2000;
  const Subspace full = Subspace::full(space);
  Rng rng(0, "share");
  int inside = 0;
  for (int i = 0; i < kSamples; ++i) inside += limits.violation(sample(full, rng)) == 0.0 ? 1 : 0;
  return static_cast<double>(inside) / kSamples;
}

}  // namespace

Architecture find_feasible(const NetworkRegion& region, const Scorer& scorer) {
  if (scorer.limits().empty()) {
    LatencyRange range = latency_range(scorer.latency(), region);
    const Objective& objective = scorer.objective();
    if (objective.has_target() && range.fastest_ms > objective.target_ms) return {};
    return std::move(range.fastest);
  }
  const auto all =
      with_latency(scorer.space(), scorer.latency(), scorer.objective(), scorer.limits(), 0.0);
  return find_inside(region, all).arch.value_or(Architecture{});
}

Architecture check_budget(const SearchSpace& space, const LatencyModel& model,
                          const NetworkRegion& region, const Objective& objective,
                          const NetworkLimits& limits, double tolerance) {
  if (limits.empty()) {
    check_target(model, region, objective, tolerance);
    return latency_range(model, region).fastest;
  }
  std::vector<NetworkLimit> all = with_latency(space, model, objective, limits, tolerance);
  if (auto inside = find_inside(region, all).arch) return std::move(*inside);
  const Conflict conflict(region, std::move(all), tolerance);
  if (conflict.is_of_latency()) check_target(model, region, objective, tolerance);
  throw Error(ErrorKind::Infeasible, conflict.sentence());
}

void check_limits(const NetworkRegion& region, const NetworkLimits& limits) {
  if (limits.empty() || find_inside(region, limits.all()).arch) return;
  const std::vector<NetworkLimit> all(limits.all().begin(), limits.all().end());
  throw Error(ErrorKind::Infeasible, Conflict(region, all, 0.0).sentence());
}

std::string describe_limits(const SearchSpace& space, const NetworkLimits& limits) {
  std::string text;
  for (const NetworkLimit& limit : limits.all()) {
    const auto [least, most] = limit.range();
    text += fmt::format("limit: {} at most {} ({} to {} in the space)\n", limit.what,
                        text_of(limit.bound, limit.unit), text_of(least, limit.unit),
                        text_of(most, limit.unit));
  }
  if (limits.empty()) return text;
  const double share = share_inside(space, limits);
  return text + fmt::format("limits: {} of random networks keep to {}\n",
                            share > 0.0 ? fmt::format("about {:.2g} %", 100.0 * share)
                                        : std::string("fewer than 1 in 1000"),
                            limits.all().size() == 1 ? "it" : "all of them");
}

}  // namespace hsconas
