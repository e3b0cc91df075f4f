#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <torch/types.h>

namespace hsconas {

/// The exponential moving average of some weights (Polyak and Juditsky, 1992):
///   average <- d average + (1 - d) weight,   d = min(decay, (1 + step) / (10 + step)).
/// The smaller d of early steps makes the average forget the random initial weights quickly.
class WeightAverage {
 public:
  /// Starts from the values of `weights`, which must share memory with the trained network's.
  WeightAverage(std::map<std::string, torch::Tensor> weights, double decay);

  /// Call this after training step `step`, counted from 0.
  void update(std::int64_t step);

  /// The averages, by the names of the weights; they share memory with this object.
  const std::map<std::string, torch::Tensor>& averages() const { return averages_; }
  /// Writes the averages into the weights.
  void apply() const;

 private:
  std::map<std::string, torch::Tensor> weights_;
  std::map<std::string, torch::Tensor> averages_;
  double decay_;
};

}  // namespace hsconas
