#include "hsconas/train/optimizer.hpp"

#include <cmath>
#include <numbers>

#include <torch/types.h>
#include <torch/utils.h>

namespace hsconas {

void sgd_step(std::vector<TrainingPath::Slice>& slices, const SupernetConfig& config, double lr) {
  const torch::NoGradGuard guard;
  torch::Tensor scale;
  if (config.clip_norm > 0.0) {
    std::vector<torch::Tensor> norms;
    for (const auto& slice : slices) norms.push_back(slice.leaf.grad().norm());
    // The scale stays on the device: comparing it on the host would wait for the GPU.
    scale = (config.clip_norm / (torch::stack(norms).norm() + 1e-6)).clamp_max(1.0);
  }
  for (auto& slice : slices) {
    torch::Tensor gradient = slice.leaf.grad();
    if (scale.defined()) gradient.mul_(scale);
    // A leaf may hold the weights rounded, but the weights themselves decay.
    if (slice.decays) gradient.add_(slice.value, config.weight_decay);
    slice.momentum.mul_(config.momentum).add_(gradient);
    slice.value.sub_(slice.momentum, lr);
  }
}

void adam_step(torch::Tensor value, const torch::Tensor& gradient, AdamMoments& moments, double lr,
               std::int64_t step, double beta1, double beta2) {
  const torch::NoGradGuard guard;
  if (!moments.first.defined()) moments.first = torch::zeros_like(value);
  if (!moments.second.defined()) moments.second = torch::zeros_like(value);
  moments.first.mul_(beta1).add_(gradient, 1.0 - beta1);
  moments.second.mul_(beta2).addcmul_(gradient, gradient, 1.0 - beta2);
  const double fix1 = 1.0 - std::pow(beta1, static_cast<double>(step + 1));
  const double fix2 = 1.0 - std::pow(beta2, static_cast<double>(step + 1));
  const torch::Tensor scale = (moments.second / fix2).sqrt_().add_(1e-8);
  value.addcdiv_(moments.first, scale, -lr / fix1);
}

double learning_rate(Schedule schedule, double lr, std::int64_t step, std::int64_t warmup,
                     std::int64_t total) {
  if (step < warmup) return lr * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double done = static_cast<double>(step - warmup) / static_cast<double>(total - warmup);
  if (schedule == Schedule::Cosine) return lr * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  return lr * (1.0 - done);
}

}  // namespace hsconas
