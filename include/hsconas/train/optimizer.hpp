#pragma once

#include <cstdint>
#include <vector>

#include "hsconas/config/config.hpp"
#include "hsconas/supernet/training_path.hpp"

namespace hsconas {

/// One step of stochastic gradient descent with momentum on the slices of one path: with weight w,
/// its gradient g and its momentum v,
///   g <- g + weight_decay * w   (only where the slice decays),
///   v <- momentum * v + g,   w <- w - lr * v.
/// Weights and momentum outside the slices do not change by a single bit.
/// With `clip_norm` > 0, all gradients are first scaled down together to at most that norm.
void sgd_step(std::vector<TrainingPath::Slice>& slices, const SupernetConfig& config, double lr);

/// Adam's state for one tensor (Kingma and Ba, 2015): running means of its gradient and of the
/// gradient's square, in the tensor's shape.
struct AdamMoments {
  torch::Tensor first;
  torch::Tensor second;
};

/// One step of Adam on `value`; `step` counts from 0. Undefined moments start as zeros.
void adam_step(torch::Tensor value, const torch::Tensor& gradient, AdamMoments& moments, double lr,
               std::int64_t step, double beta1 = 0.9, double beta2 = 0.999);

/// The learning rate of `step` in [0, total): a linear rise over `warmup` steps, then `schedule`
/// ("linear" or "cosine") from `lr` to 0 over the rest.
double learning_rate(Schedule schedule, double lr, std::int64_t step, std::int64_t warmup,
                     std::int64_t total);

}  // namespace hsconas
