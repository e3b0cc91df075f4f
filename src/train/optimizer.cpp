#include "hsconas/train/optimizer.hpp"

#include <cmath>
#include <numbers>

#include <torch/torch.h>

namespace hsconas {

void sgd_step(std::vector<TrainingPath::Slice>& slices, const SupernetConfig& config, double lr) {
  const torch::NoGradGuard guard;
  torch::Tensor scale;
  if (config.clip_norm > 0.0) {
    std::vector<torch::Tensor> norms;
    for (const auto& slice : slices) norms.push_back(slice.leaf.grad().norm());
    // Kept on the device: comparing it here would wait for the GPU.
    scale = (config.clip_norm / (torch::stack(norms).norm() + 1e-6)).clamp_max(1.0);
  }
  for (auto& slice : slices) {
    torch::Tensor gradient = slice.leaf.grad();
    if (scale.defined()) gradient.mul_(scale);
    if (slice.decays) gradient.add_(slice.leaf.detach(), config.weight_decay);
    slice.momentum.mul_(config.momentum).add_(gradient);
    slice.value.sub_(slice.momentum, lr);
  }
}

double learning_rate(const std::string& schedule, double lr, std::int64_t step, std::int64_t warmup,
                     std::int64_t total) {
  if (step < warmup) return lr * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double done = static_cast<double>(step - warmup) / static_cast<double>(total - warmup);
  if (schedule == "cosine") return lr * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  return lr * (1.0 - done);
}

}  // namespace hsconas
