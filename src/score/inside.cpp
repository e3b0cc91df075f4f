#include "hsconas/score/inside.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "hsconas/base/rng.hpp"
#include "hsconas/space/subspace.hpp"
#include "pair_optimum.hpp"

namespace hsconas {

namespace {

constexpr int kRounds = 300;
constexpr int kWalks = 8;
constexpr int kStepsPerLayer = 200;
/// Added to the cost of a choice that breaks a limit on the largest value. Costs are about 1.
constexpr double kForbidden = 1e7;

class InsideSearch {
 public:
  InsideSearch(const NetworkRegion& region, std::span<const NetworkLimit> limits)
      : region_(region), subspace_(dynamic_cast<const Subspace*>(&region)) {
    for (const NetworkLimit& limit : limits) (limit.adds_up ? sums_ : peaks_).push_back(&limit);
  }

  Inside run();

 private:
  double excess(const Architecture& arch) const;
  bool is_forbidden(std::size_t layer, LayerChoice choice) const;
  /// The member with the smallest weighted sum of the quantities.
  Architecture cheapest(std::span<const double> weights);
  double cost(std::size_t layer, LayerChoice choice, std::span<const double> weights) const;
  /// The network with the least of each quantity alone. False if one of them exceeds its bound.
  bool find_least();
  Inside by_weights();
  std::optional<PairOptimum> by_pair() const;
  Inside by_walks() const;

  const NetworkRegion& region_;
  const Subspace* subspace_;  ///< The region, if it is a set of choices per layer.
  std::vector<const NetworkLimit*> sums_;
  std::vector<const NetworkLimit*> peaks_;
  std::vector<double> scale_;  ///< 1 / (bound - least value), for each of sums_.
  std::vector<double> slack_;  ///< bound - least value.
  std::vector<double> least_;
  std::vector<Architecture> nearest_;  ///< Networks from which walks start, nearest first.
};

double InsideSearch::excess(const Architecture& arch) const {
  double sum = 0.0;
  for (const NetworkLimit* limit : sums_) sum += limit->excess(arch);
  for (const NetworkLimit* limit : peaks_) sum += limit->excess(arch);
  return sum;
}

bool InsideSearch::is_forbidden(std::size_t layer, LayerChoice choice) const {
  return std::any_of(peaks_.begin(), peaks_.end(), [&](const NetworkLimit* limit) {
    return limit->at(layer, choice) > limit->bound;
  });
}

double InsideSearch::cost(std::size_t layer, LayerChoice choice,
                          std::span<const double> weights) const {
  double sum = is_forbidden(layer, choice) ? kForbidden : 0.0;
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    if (weights[k] > 0.0) sum += weights[k] * scale_[k] * sums_[k]->at(layer, choice);
  }
  return sum;
}

Architecture InsideSearch::cheapest(std::span<const double> weights) {
  if (subspace_ == nullptr) {
    return region_
        .extremes([&](const Architecture& arch) {
          double sum = 0.0;
          for (std::size_t i = 0; i < arch.size(); ++i) sum += cost(i, arch[i], weights);
          return sum;
        })
        .least;
  }
  Architecture arch;
  for (std::size_t layer = 0; layer < subspace_->ops.size(); ++layer) {
    double least = std::numeric_limits<double>::infinity();
    arch.emplace_back();
    for (const int op : subspace_->ops[layer]) {
      for (const int width : subspace_->widths[layer]) {
        const double value = cost(layer, {op, width}, weights);
        if (value >= least) continue;
        least = value;
        arch.back() = {op, width};
      }
    }
  }
  return arch;
}

bool InsideSearch::find_least() {
  std::vector<double> weights(sums_.size(), 0.0);
  for (const NetworkLimit* limit : sums_) scale_.push_back(1.0 / limit->bound);
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    weights[k] = 1.0;
    nearest_.push_back(cheapest(weights));
    weights[k] = 0.0;
    least_.push_back(sums_[k]->value(nearest_.back()));
    if (least_[k] > sums_[k]->bound) return false;
  }
  if (sums_.empty()) nearest_.push_back(cheapest(weights));
  // The peaks alone: each of the networks above avoids forbidden choices where it can.
  for (const NetworkLimit* limit : peaks_) {
    if (limit->excess(nearest_.front()) > 0.0) return false;
  }
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    const double bound = sums_[k]->bound;
    slack_.push_back(std::max(bound - least_[k], 1e-9 * bound));
    scale_[k] = 1.0 / slack_[k];
  }
  return true;
}

Inside InsideSearch::by_weights() {
  // u = (value - least) / (bound - least) is at most 1 inside. Raising the weights of the limits
  // that the cheapest network exceeds maximises the smallest weighted sum of all u; above 1, it
  // proves that no network is inside.
  std::vector<double> weights(sums_.size(), 1.0 / static_cast<double>(sums_.size()));
  double nearest = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    Architecture arch = cheapest(weights);
    const double outside = excess(arch);
    if (outside == 0.0) return {.arch = std::move(arch)};
    const double rate = 2.0 / std::sqrt(1.0 + round);
    double weighted = 0.0;
    double sum = 0.0;
    for (std::size_t k = 0; k < sums_.size(); ++k) {
      const double u = (sums_[k]->value(arch) - least_[k]) / slack_[k];
      weighted += weights[k] * u;
      weights[k] *= std::exp(rate * std::clamp(u - 1.0, -1.0, 1.0));
      weights[k] = std::max(weights[k], 1e-12);
      sum += weights[k];
    }
    for (double& weight : weights) weight /= sum;
    if (weighted > 1.0 + 1e-6) return {.arch = {}, .is_certain = true};
    if (outside < nearest) {
      nearest = outside;
      nearest_.insert(nearest_.begin(), std::move(arch));
    }
  }
  return {.arch = {}, .is_certain = false};
}

std::optional<PairOptimum> InsideSearch::by_pair() const {
  std::vector<std::vector<PairOption>> layers;
  for (std::size_t layer = 0; layer < subspace_->ops.size(); ++layer) {
    auto& options = layers.emplace_back();
    for (const int op : subspace_->ops[layer]) {
      for (const int width : subspace_->widths[layer]) {
        const LayerChoice choice{op, width};
        if (is_forbidden(layer, choice)) continue;
        options.push_back({choice, sums_[0]->at(layer, choice), sums_[1]->at(layer, choice)});
      }
    }
  }
  return pair_optimum(layers, {{}, sums_[0]->fixed, sums_[1]->fixed}, sums_[1]->bound);
}

Inside InsideSearch::by_walks() const {
  Rng rng(0, "limits");
  for (int walk = 0; walk < kWalks; ++walk) {
    const std::size_t start = std::min(static_cast<std::size_t>(walk / 2), nearest_.size() - 1);
    Genes genes = genes_of(nearest_[start]);
    double outside = excess(nearest_[start]);
    for (int i = 0; i < kStepsPerLayer * std::ssize(nearest_[start]); ++i) {
      Genes changed = region_.step(genes, rng);
      Architecture arch = architecture_of(changed);
      const double now = excess(arch);
      if (now == 0.0) return {.arch = std::move(arch)};
      if (now > outside) continue;
      outside = now;
      genes = std::move(changed);
    }
  }
  return {.arch = {}, .is_certain = false};
}

Inside InsideSearch::run() {
  for (const NetworkLimit* limit : peaks_) {
    if (limit->fixed > limit->bound) return {};
  }
  if (!find_least()) return {};
  for (const Architecture& arch : nearest_) {
    if (excess(arch) == 0.0) return {.arch = arch};
  }
  Inside found = by_weights();
  if (found.arch || found.is_certain) return found;
  if (subspace_ != nullptr && sums_.size() == 2) {
    const std::optional<PairOptimum> pair = by_pair();
    if (pair && excess(pair->arch) == 0.0) return {.arch = pair->arch};
    if (!pair || pair->is_exact) return {};
  }
  return by_walks();
}

/// The bounds between which relaxed_bound() of a limit on the largest value chooses: all values of
/// the layers above the bound.
std::vector<double> larger_values(const NetworkLimit& limit) {
  std::vector<double> values{limit.fixed};
  values.insert(values.end(), limit.values.begin(), limit.values.end());
  std::erase_if(values, [&](double value) { return value <= limit.bound; });
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace

Inside find_inside(const NetworkRegion& region, std::span<const NetworkLimit> limits) {
  return InsideSearch(region, limits).run();
}

std::optional<Relaxed> relaxed_bound(const NetworkRegion& region,
                                     std::span<const NetworkLimit> limits, std::size_t index) {
  std::vector<NetworkLimit> tried(limits.begin(), limits.end());
  NetworkLimit& limit = tried[index];
  const double bound = limit.bound;
  bool is_certain = true;
  const auto value_with = [&](double larger) -> std::optional<double> {
    limit.bound = larger;
    const Inside inside = find_inside(region, tried);
    is_certain = is_certain && (inside.arch || inside.is_certain);
    if (!inside.arch) return {};
    return limit.value(*inside.arch);
  };
  if (!limit.adds_up) {
    const std::vector<double> larger = larger_values(limit);
    const auto least = std::partition_point(larger.begin(), larger.end(),
                                            [&](double value) { return !value_with(value); });
    if (least == larger.end()) return {};
    return Relaxed{*least, is_certain};
  }
  std::optional<double> high = value_with(std::max(bound, limit.range().second));
  if (!high) return {};
  // Halves the interval between a bound that is too small and the value of a network.
  double low = bound;
  for (int i = 0; i < 60 && *high - low > 1e-9 * *high; ++i) {
    const double middle = low + (*high - low) / 2.0;
    if (const auto value = value_with(middle)) {
      high = value;
    } else {
      low = middle;
    }
  }
  return Relaxed{*high, is_certain};
}

}  // namespace hsconas
