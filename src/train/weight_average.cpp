#include "hsconas/train/weight_average.hpp"

#include <algorithm>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

namespace hsconas {

WeightAverage::WeightAverage(std::map<std::string, torch::Tensor> weights, double decay)
    : weights_(std::move(weights)), decay_(decay) {
  for (const auto& [name, weight] : weights_) averages_[name] = weight.detach().clone();
}

void WeightAverage::update(std::int64_t step) {
  const torch::NoGradGuard guard;
  const auto done = static_cast<double>(step);
  const double d = std::min(decay_, (1.0 + done) / (10.0 + done));
  for (auto& [name, average] : averages_) average.lerp_(weights_.at(name), 1.0 - d);
}

void WeightAverage::apply() const {
  const torch::NoGradGuard guard;
  for (const auto& [name, average] : averages_) weights_.at(name).detach().copy_(average);
}

}  // namespace hsconas
