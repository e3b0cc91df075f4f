#include "training_step.hpp"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/device_path.hpp"
#include "hsconas/train/optimizer.hpp"
#include "step_paths.hpp"
#include "training_loss.hpp"

namespace hsconas {

namespace {

/// A step that runs as LibTorch's operations.
class LibtorchStep final : public TrainingStep {
 public:
  LibtorchStep(Supernet& supernet, std::span<const TrainedPath> paths,
               const SupernetConfig& settings, Number type)
      : settings_(settings), paths_(supernet, paths, scalar_type(type)) {}

  void seed_dropout(std::uint64_t seed) override { paths_.seed_dropout(seed); }

  torch::Tensor run(const Batch& batch, const Distillation& distillation) override {
    return paths_.run(batch, settings_, distillation);
  }

  torch::Tensor take_gradient() override {
    std::vector<torch::Tensor> parts;
    for (auto& slice : paths_.slices()) {
      parts.push_back(slice.leaf.grad().reshape({-1}));
      slice.leaf.mutable_grad() = torch::Tensor();
    }
    return torch::cat(parts);
  }

  void give_gradient(const torch::Tensor& gradient) override {
    std::int64_t at = 0;
    for (auto& slice : paths_.slices()) {
      const std::int64_t count = slice.leaf.numel();
      slice.leaf.mutable_grad() = gradient.narrow(0, at, count).view_as(slice.leaf);
      at += count;
    }
  }

  void update(double lr) override { sgd_step(paths_.slices(), settings_, lr); }

 private:
  const SupernetConfig& settings_;
  StepPaths paths_;
};

/// A step on one path in a GPU's own engine.
class DeviceStep final : public TrainingStep {
 public:
  DeviceStep(Supernet& supernet, const SupernetConfig& settings, DeviceEngine& engine,
             DeviceNetwork network)
      : device_(supernet.device()),
        settings_(settings),
        engine_(engine),
        network_(std::move(network)) {}

  void seed_dropout(std::uint64_t seed) override { seed_ = seed; }

  torch::Tensor run(const Batch& batch, const Distillation& distillation) override {
    const torch::Tensor images =
        batch.images.to(device_).contiguous(torch::MemoryFormat::ChannelsLast);
    const torch::Tensor labels = batch.labels.to(device_);
    const float* logits = engine_.forward(network_, device_images(images), dropout_seed());
    torch::Tensor loss =
        torch::empty({}, images.options().memory_format(torch::MemoryFormat::Contiguous));
    const float* gradient = engine_.loss(labels.data_ptr<std::int64_t>(), settings_.label_smoothing,
                                         loss.data_ptr<float>());
    torch::Tensor mixed;
    if (distillation.teacher != nullptr) {
      const auto options = torch::TensorOptions(torch::kFloat).device(device_);
      const std::vector<std::int64_t> shape{images.size(0), network_.classes};
      const torch::Tensor leaf = torch::from_blob(const_cast<float*>(logits), shape, options)
                                     .clone()
                                     .set_requires_grad(true);
      const torch::Tensor taught = teacher_loss(distillation, images, leaf);
      taught.backward();
      mixed = (1.0 - distillation.weight) *
                  torch::from_blob(const_cast<float*>(gradient), shape, options) +
              distillation.weight * leaf.grad();
      gradient = mixed.data_ptr<float>();
      loss = (1.0 - distillation.weight) * loss + distillation.weight * taught.detach();
    }
    engine_.backward(gradient);
    return loss;
  }

  torch::Tensor take_gradient() override {
    torch::Tensor gradient =
        torch::empty({engine_.weight_count()}, torch::TensorOptions(torch::kFloat).device(device_));
    engine_.copy_gradient(gradient.data_ptr<float>());
    return gradient;
  }

  void give_gradient(const torch::Tensor& gradient) override { given_ = gradient.contiguous(); }

  void update(double lr) override {
    engine_.update({.lr = lr,
                    .momentum = settings_.momentum,
                    .weight_decay = settings_.weight_decay,
                    .clip_norm = settings_.clip_norm},
                   given_.defined() ? given_.data_ptr<float>() : nullptr);
  }

 private:
  std::uint64_t dropout_seed() const {
    if (seed_ || network_.dropout == 0.0) return seed_.value_or(0);
    return static_cast<std::uint64_t>(
        torch::randint(std::numeric_limits<std::int64_t>::max(), {1}, torch::kLong)
            .item<std::int64_t>());
  }

  torch::Device device_;
  const SupernetConfig& settings_;
  DeviceEngine& engine_;
  DeviceNetwork network_;
  std::optional<std::uint64_t> seed_;
  torch::Tensor given_;
};

}  // namespace

std::unique_ptr<TrainingStep> make_training_step(Supernet& supernet,
                                                 std::span<const TrainedPath> paths,
                                                 const SupernetConfig& settings, int images) {
  const Number type = activation_type(supernet, settings);
  if (supernet.device().is_cuda() && paths.size() == 1) {
    auto network = device_network(supernet, paths.front().arch);
    DeviceEngine* engine = device_engine_for_training(supernet, type, images);
    if (network && engine != nullptr) {
      return std::make_unique<DeviceStep>(supernet, settings, *engine, std::move(*network));
    }
  }
  return std::make_unique<LibtorchStep>(supernet, paths, settings, type);
}

}  // namespace hsconas
