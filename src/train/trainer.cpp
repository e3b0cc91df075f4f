#include "hsconas/train/trainer.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>
#include <torch/utils.h>

#include "grouped_step.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/device_path.hpp"
#include "hsconas/train/optimizer.hpp"
#include "step_paths.hpp"
#include "training_loss.hpp"

namespace hsconas {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Collects the losses of some steps, copies them from the device all at once and reports them.
class LossMeter {
 public:
  LossMeter(const TrainingStage& stage, const TrainingHooks& hooks, std::int64_t first_step)
      : stage_(stage),
        hooks_(hooks),
        progress_(hooks.log, stage.name, stage.total_steps, first_step) {}

  void add(const torch::Tensor& loss) { losses_.push_back(loss); }
  /// Whether there are as many losses as are reported together.
  bool is_full() const { return losses_.size() == kStepsPerReport; }
  /// Reports the losses, of which there is at least one, and clears them; `step` is the step of the
  /// last one, and `lr` its learning rate. Throws Error(Usage) when a loss is not finite.
  void report(std::int64_t step, double lr) {
    const auto steps = static_cast<int>(losses_.size());
    const double loss = take_mean(step);
    const double rate = steps * stage_.settings.batch / seconds_since(last_report_);
    last_report_ = Clock::now();
    hooks_.metrics({{"stage", stage_.name},
                    {"step", step + 1},
                    {"loss", loss},
                    {"lr", lr},
                    {"images_per_second", std::lround(rate)}});
    progress_.step(steps, fmt::format("loss {:.3f}, {:.0f} images/s", loss, rate));
  }

 private:
  static constexpr std::size_t kStepsPerReport = 20;

  double take_mean(std::int64_t step) {
    const torch::Tensor losses = torch::stack(losses_).cpu();
    double sum = 0.0;
    for (std::int64_t i = 0; i < losses.size(0); ++i) {
      const auto loss = losses[i].item<double>();
      if (!std::isfinite(loss)) throw not_finite(stage_, "loss", step - losses.size(0) + 1 + i);
      sum += loss;
    }
    losses_.clear();
    return sum / static_cast<double>(losses.size(0));
  }

  const TrainingStage& stage_;
  const TrainingHooks& hooks_;
  Progress progress_;
  std::vector<torch::Tensor> losses_;
  Clock::time_point last_report_ = Clock::now();
};

/// The paths of `step`, the same on all ranks. Also seeds torch's default generator for the step if
/// the space has dropout.
std::vector<TrainedPath> paths_of(const Supernet& supernet, const TrainingStage& stage,
                                  const TrainingHooks& hooks, std::int64_t step) {
  Rng rng(stage.seed, stage.name + " path", static_cast<std::uint64_t>(step));
  std::vector<TrainedPath> paths;
  if (hooks.paths) {
    paths = hooks.paths(step);
  } else {
    paths = find_path_method(stage.settings.paths)
                .paths({.region = *stage.region,
                        .settings = stage.settings,
                        .seed = stage.seed,
                        .stage = stage.name,
                        .step = step,
                        .total_steps = stage.total_steps},
                       rng);
  }
  if (supernet.space().description().head.dropout > 0.0) torch::manual_seed(rng.next());
  return paths;
}

/// The engine of a GPU runs one path per step; several paths run as LibTorch's operations.
void warn_about_speed(const Supernet& supernet, std::size_t paths, Log& log) {
  if (supernet.device().is_cpu() || paths == 1) return;
  log.warn(
      fmt::format("training {} paths per step uses LibTorch's operations on this GPU, which "
                  "take several times as long as the engine that trains one path per step",
                  paths));
}

Error stopped_after(const TrainingStage& stage, std::int64_t step) {
  return {ErrorKind::Interrupted,
          fmt::format("{}: stopped on request after step {} of {}; --resume continues", stage.name,
                      step + 1, stage.total_steps)};
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

}  // namespace

torch::Tensor train_step(Supernet& supernet, std::span<const TrainedPath> paths, const Batch& batch,
                         const SupernetConfig& settings, double lr,
                         const Distillation& distillation) {
  const Number type = activation_type(supernet, settings);
  if (supernet.device().is_cuda() && paths.size() == 1) {
    const auto network = device_network(supernet, paths.front().arch);
    DeviceEngine* engine =
        device_engine_for_training(supernet, type, static_cast<int>(batch.images.size(0)));
    if (network && engine != nullptr) {
      return device_step(supernet, *engine, *network, batch, settings, lr, distillation);
    }
  }
  StepPaths step(supernet, paths, scalar_type(type));
  torch::Tensor loss = step.run(batch, settings, distillation);
  sgd_step(step.slices(), settings, lr);
  return loss;
}

torch::Tensor train_step(Supernet& supernet, const Architecture& arch, const Batch& batch,
                         const SupernetConfig& settings, double lr,
                         const Distillation& distillation) {
  const TrainedPath path{.arch = arch};
  return train_step(supernet, std::span(&path, 1), batch, settings, lr, distillation);
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
  const auto& settings = stage.settings;
  ProcessGroup& group = hooks.stop.group();
  check_groups(stage.section, settings, supernet.device().str());
  check_processes(stage.section, settings, group.size());
  prepare_training(supernet, settings, settings.batch);
  std::optional<GroupedSteps> grouped;
  if (settings.groups > 1) grouped.emplace(supernet, stage, group);
  const auto warmup = static_cast<std::int64_t>(
      std::lround(settings.warmup_epochs * static_cast<double>(batches.steps_per_epoch())));
  LossMeter meter(stage, hooks, first_step);
  auto last_save = Clock::now();
  for (std::int64_t step = first_step; step < stage.total_steps; ++step) {
    const double lr =
        learning_rate(settings.schedule, settings.lr, step, warmup, stage.total_steps);
    const Batch batch = batches.next();
    if (hooks.before_step) hooks.before_step(step, batch);
    const std::vector<TrainedPath> paths = paths_of(supernet, stage, hooks, step);
    if (step == first_step) warn_about_speed(supernet, paths.size(), hooks.log);
    const auto wishes = [&]() -> GroupedSteps::Wishes {
      return {.stops = hooks.stop.token().requested(),
              .is_due = seconds_since(last_save) > stage.save_minutes * 60.0 ||
                        (stage.save_steps > 0 && (step + 1) % stage.save_steps == 0)};
    };
    GroupedSteps::Wishes agreed;  // Requests to stop and clocks are each rank's own.
    if (grouped) {
      const auto outcome = grouped->step(paths, batch, step, lr, wishes());
      meter.add(torch::scalar_tensor(outcome.loss, torch::kDouble));
      agreed = outcome.wishes;
    } else {
      meter.add(train_step(supernet, paths, batch, settings, lr, stage.distillation));
    }
    if (hooks.after_step) hooks.after_step(step);
    if (!grouped) agreed = wishes();  // One group means one rank.
    const auto [stops, is_due] = agreed;
    const bool is_over = hooks.is_over && hooks.is_over();
    const bool ends = is_over || step + 1 == stage.total_steps;
    // Losses are also checked before each save, so that weights are never saved after a loss that
    // is not finite.
    if (meter.is_full() || ends || stops || is_due) meter.report(step, lr);
    if (stops && !ends) {
      hooks.save(step + 1);
      throw stopped_after(stage, step);
    }
    if (!ends && is_due) {
      hooks.save(step + 1);
      last_save = Clock::now();
    }
    if (is_over) return;
  }
}

}  // namespace hsconas
