#pragma once

#include <string>
#include <utility>

#include "hsconas/base/rng.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/score/limits.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// The limits that `config` names, without tables, for memory at batch 1.
inline NetworkLimits limits_of(const SearchSpace& space, const LimitsConfig& config) {
  return {space, config, 1, {}};
}

/// A limit of one quantity, random for each choice, which adds up.
inline NetworkLimit random_limit(const SearchSpace& space, std::string key, Rng& rng) {
  NetworkLimit limit{.key = std::move(key),
                     .what = "noise",
                     .unit = LimitUnit::Milliseconds,
                     .bound = 1.0,
                     .fixed = rng.uniform(0.0, 1.0),
                     .ops = space.ops(),
                     .widths = space.widths()};
  for (int i = 0; i < space.layers() * space.ops() * space.widths(); ++i) {
    limit.values.push_back(rng.uniform(0.0, 1.0));
  }
  return limit;
}

/// A latency unlike multiply-adds and parameters: random for each choice, so that the smallest
/// network is not the fastest.
class RandomLatency : public LatencyModel {
 public:
  explicit RandomLatency(const SearchSpace& space) {
    Rng rng(7, "latency");
    limit_ = random_limit(space, "latency", rng);
  }
  double predict_ms(const Architecture& arch) const override { return limit_.value(arch); }

 private:
  NetworkLimit limit_;
};

}  // namespace hsconas
