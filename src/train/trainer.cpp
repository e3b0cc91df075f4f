#include "hsconas/train/trainer.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/config/precision.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/device_path.hpp"
#include "hsconas/train/optimizer.hpp"

namespace hsconas {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Collects the losses of some steps and copies them from the device all at once.
class LossMeter {
 public:
  void add(const torch::Tensor& loss) { losses_.push_back(loss); }
  int count() const { return static_cast<int>(losses_.size()); }
  /// Returns the mean and clears the losses; `step` is the step of the last loss. Throws
  /// Error(Usage) when a loss is not finite, on all ranks when it is so on one of them.
  double take(const TrainingStage& stage, std::int64_t step, ProcessGroup& group) {
    const torch::Tensor losses = torch::stack(losses_).cpu();
    double sum = 0.0;
    std::int32_t steps_lost = 0;  // Those from the first loss that is not finite on.
    for (std::int64_t i = losses.size(0) - 1; i >= 0; --i) {
      if (!std::isfinite(losses[i].item<double>())) {
        steps_lost = static_cast<std::int32_t>(losses.size(0) - i);
      }
    }
    group.max(std::span(&steps_lost, 1));
    if (steps_lost > 0) {
      throw Error(ErrorKind::Usage,
                  fmt::format("{}: the loss is not finite at step {}; the checkpoint before it is "
                              "kept: lower the learning rate or set supernet.clip_norm",
                              stage.name, step - steps_lost + 1));
    }
    for (std::int64_t i = 0; i < losses.size(0); ++i) sum += losses[i].item<double>();
    losses_.clear();
    return sum / static_cast<double>(losses.size(0));
  }

 private:
  std::vector<torch::Tensor> losses_;
};

torch::Tensor sampled_step(Supernet& supernet, const TrainingStage& stage,
                           const TrainingHooks& hooks, const Batch& batch, std::int64_t step,
                           double lr) {
  Rng rng(stage.seed, stage.name + " path", static_cast<std::uint64_t>(step));
  const Architecture arch = hooks.path ? hooks.path(step) : sample(*stage.region, rng);
  if (supernet.space().description().head.dropout > 0.0) torch::manual_seed(rng.next());
  return train_step(supernet, arch, batch, stage.settings, lr, stage.distillation);
}

/// The distillation term of the loss for the student's `logits` [N, classes] on `images`.
torch::Tensor teacher_loss(const Distillation& distillation, const torch::Tensor& images,
                           const torch::Tensor& logits) {
  const double t = distillation.temperature;
  // Autograd cannot save tensors made in inference mode, so it gets a copy.
  const torch::Tensor answers = distillation.teacher->forward(images).clone();
  const torch::Tensor targets = torch::softmax(answers / t, 1);
  return -(targets * torch::log_softmax(logits / t, 1)).sum(1).mean() * (t * t);
}

/// A step of train_step() on a GPU's own engine, without waiting for the GPU.
torch::Tensor device_step(Supernet& supernet, DeviceEngine& engine, const DeviceNetwork& network,
                          const Batch& batch, const SupernetConfig& settings, double lr,
                          const Distillation& distillation) {
  const torch::Tensor images =
      batch.images.to(supernet.device()).contiguous(torch::MemoryFormat::ChannelsLast);
  const torch::Tensor labels = batch.labels.to(supernet.device());
  // Dropout is seeded from torch's default generator, as on the CPU.
  const auto seed = network.dropout > 0.0 ? torch::randint(std::numeric_limits<std::int64_t>::max(),
                                                           {1}, torch::kLong)
                                                .item<std::int64_t>()
                                          : 0;
  const float* logits =
      engine.forward(network, device_images(images), static_cast<std::uint64_t>(seed));
  torch::Tensor loss =
      torch::empty({}, images.options().memory_format(torch::MemoryFormat::Contiguous));
  const float* gradient = engine.loss(labels.data_ptr<std::int64_t>(), settings.label_smoothing,
                                      loss.data_ptr<float>());
  torch::Tensor mixed;
  if (distillation.teacher != nullptr) {
    const auto options = torch::TensorOptions(torch::kFloat).device(supernet.device());
    const std::vector<std::int64_t> shape{images.size(0), network.classes};
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
  engine.backward(gradient);
  engine.update({.lr = lr,
                 .momentum = settings.momentum,
                 .weight_decay = settings.weight_decay,
                 .clip_norm = settings.clip_norm});
  return loss;
}

Number activation_type(const Supernet& supernet, const SupernetConfig& settings) {
  return compute_policy("precision", settings.precision, Purpose::Training, supernet.device().str())
      .precision;
}

/// The decisions after a training step; they are equal on all ranks.
struct Decision {
  bool stops = false;
  bool is_due = false;  ///< A checkpoint.
};

/// One exchange per step: requests to stop and clocks are each rank's own.
Decision decide(const GroupStop& stop, bool is_due) {
  std::array<std::int32_t, 2> flags{stop.token().requested() ? 1 : 0, is_due ? 1 : 0};
  stop.group().max(flags);
  return {.stops = flags[0] != 0, .is_due = flags[1] != 0};
}

}  // namespace

torch::Tensor train_step(Supernet& supernet, const Architecture& arch, const Batch& batch,
                         const SupernetConfig& settings, double lr,
                         const Distillation& distillation) {
  const Number type = activation_type(supernet, settings);
  if (supernet.device().is_cuda()) {
    const auto network = device_network(supernet, arch);
    DeviceEngine* engine =
        device_engine_for_training(supernet, type, static_cast<int>(batch.images.size(0)));
    if (network && engine != nullptr) {
      return device_step(supernet, *engine, *network, batch, settings, lr, distillation);
    }
  }
  TrainingPath path(supernet, arch, scalar_type(type));
  const torch::Tensor images = batch.images.to(supernet.device());
  const torch::Tensor logits = path.forward(images);
  torch::Tensor loss =
      torch::cross_entropy_loss(logits, batch.labels.to(supernet.device()), {}, at::Reduction::Mean,
                                -100, settings.label_smoothing);
  if (distillation.teacher != nullptr) {
    loss = (1.0 - distillation.weight) * loss +
           distillation.weight * teacher_loss(distillation, images, logits);
  }
  loss.backward();
  sgd_step(path.slices(), settings, lr);
  return loss.detach();
}

std::int64_t training_steps(const SupernetConfig& settings, std::int64_t images) {
  const std::int64_t per_epoch = images / settings.batch;
  return std::max<std::int64_t>(1, std::llround(settings.epochs * static_cast<double>(per_epoch)));
}

void prepare_training(const Supernet& supernet, const SupernetConfig& settings, int batch) {
  device_engine_for_training(supernet, activation_type(supernet, settings), batch);
}

void train(Supernet& supernet, const TrainingStage& stage, TrainLoader& batches,
           std::int64_t first_step, const TrainingHooks& hooks) {
  prepare_training(supernet, stage.settings, stage.settings.batch);
  constexpr int kStepsPerReport = 20;
  const auto& settings = stage.settings;
  const auto warmup = static_cast<std::int64_t>(
      std::lround(settings.warmup_epochs * static_cast<double>(batches.steps_per_epoch())));
  Progress progress(hooks.log, stage.name, stage.total_steps, first_step);
  LossMeter meter;
  auto last_save = Clock::now();
  auto last_report = last_save;
  for (std::int64_t step = first_step; step < stage.total_steps; ++step) {
    const double lr =
        learning_rate(settings.schedule, settings.lr, step, warmup, stage.total_steps);
    meter.add(sampled_step(supernet, stage, hooks, batches.next(), step, lr));
    if (hooks.after_step) hooks.after_step(step);
    const bool ends = step + 1 == stage.total_steps;
    const auto [stops, is_due] =
        decide(hooks.stop, seconds_since(last_save) > stage.save_minutes * 60.0 ||
                               (stage.save_steps > 0 && (step + 1) % stage.save_steps == 0));
    // Losses are also checked before each save, so that weights are never saved after a loss that
    // is not finite.
    if (meter.count() == kStepsPerReport || ends || stops || is_due) {
      const int steps = meter.count();
      const double loss = meter.take(stage, step, hooks.stop.group());
      const double rate = steps * settings.batch / seconds_since(last_report);
      last_report = Clock::now();
      hooks.metrics({{"stage", stage.name},
                     {"step", step + 1},
                     {"loss", loss},
                     {"lr", lr},
                     {"images_per_second", std::lround(rate)}});
      progress.step(steps, fmt::format("loss {:.3f}, {:.0f} images/s", loss, rate));
    }
    if (stops && !ends) {
      hooks.save(step + 1);
      throw Error(ErrorKind::Interrupted,
                  fmt::format("{}: stopped on request after step {} of {}; --resume continues",
                              stage.name, step + 1, stage.total_steps));
    }
    if (!ends && is_due) {
      hooks.save(step + 1);
      last_save = Clock::now();
    }
  }
}

}  // namespace hsconas
