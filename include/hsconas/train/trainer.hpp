#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>
#include <torch/types.h>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/paths/path_methods.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// Knowledge distillation (Hinton et al., 2015): besides the labels, the student learns the
/// teacher's logits at temperature t,
///   loss = (1 - weight) cross_entropy(labels)
///          + weight t^2 cross_entropy(softmax(teacher / t), student / t).
struct Distillation {
  const FrozenNetwork* teacher = nullptr;  ///< Not owned; null: no distillation.
  double weight = 0.0;
  double temperature = 1.0;  ///< t in the formula above.
};

/// One stage of supernet training: the whole training, or the tuning after a shrinking stage.
struct TrainingStage {
  std::string name;  ///< "supernet", "shrink-1", ...: names the random streams and metrics.
  std::shared_ptr<const NetworkRegion> region;  ///< Paths are drawn from it.
  SupernetConfig settings;
  std::uint64_t seed = 0;
  std::int64_t total_steps = 0;
  double save_minutes = 10;
  std::int64_t save_steps = 0;  ///< Also save after this many steps; 0: only by time.
  Distillation distillation{};
  std::string section = "supernet";  ///< Section of the config that has the settings.
};

/// Callbacks of train().
struct TrainingHooks {
  Log& log;
  GroupStop stop;
  std::function<void(const nlohmann::json&)> metrics;  ///< Receives one object every 20 steps.
  std::function<void(std::int64_t next_step)> save;    ///< Saves the supernet before `next_step`.
  /// When set, called before each step with this rank's images of the batch, before the paths are
  /// drawn.
  std::function<void(std::int64_t step, const Batch& batch)> before_step{};
  /// When set, gives the paths of each step instead of the settings' path method.
  std::function<std::vector<TrainedPath>(std::int64_t step)> paths{};
  std::function<void(std::int64_t step)> after_step{};  ///< When set, called after each update.
  std::function<bool()> is_over{};  ///< When set, the training ends after a step if this is true.
};

/// One step of gradient descent on `paths`, whose gradients are added; returns the mean of their
/// losses before the step, as a tensor on the supernet's device. Dropout is drawn from torch's
/// default generator.
torch::Tensor train_step(Supernet& supernet, std::span<const TrainedPath> paths, const Batch& batch,
                         const SupernetConfig& settings, double lr,
                         const Distillation& distillation = {});
/// The same on one path that learns from the labels.
torch::Tensor train_step(Supernet& supernet, const Architecture& arch, const Batch& batch,
                         const SupernetConfig& settings, double lr,
                         const Distillation& distillation = {});

/// Steps of a training on `images` images, at least one. Images at the end of an epoch that do not
/// fill a batch do not count.
std::int64_t training_steps(const SupernetConfig& settings, std::int64_t images);

/// Prepares a GPU for steps on `batch` images: reserves memory and runs every kernel once, because
/// its first run is slow. Does nothing on a CPU. train() calls it.
void prepare_training(const Supernet& supernet, const SupernetConfig& settings, int batch);

/// Trains `supernet` from `first_step` to the end of the stage, in each step on the paths that the
/// path method (settings.paths) draws from the stage's region, or on those of hooks.paths;
/// `batches` must be at `first_step`. All random choices in a step depend only on the seed, the
/// stage's name and the step, so a resumed run gives the same result as an uninterrupted one.
///
/// Each of the settings' groups is normalised by its own batch statistics, and the mean of their
/// gradients makes the step. All ranks of the group of hooks.stop call it together, with equal
/// arguments. Each runs its share of the groups (share_of()), of which its `batches` has the
/// images; all ranks make the same update. The weights do not depend on the number of ranks by a
/// single bit where all ranks, and the runs compared, use the same kind of CPU and number of
/// threads. When to stop and when to save is decided for all ranks, so that they call the hooks at
/// the same steps.
///
/// Throws Error(Interrupted) after saving when a stop is requested, Error(Usage) that names the
/// step when the loss is not finite. With several groups that is found before the weights change,
/// also for the gradient. Throws Error(Usage) when there are more ranks than groups, and when
/// several groups are asked for on a GPU.
void train(Supernet& supernet, const TrainingStage& stage, TrainLoader& batches,
           std::int64_t first_step, const TrainingHooks& hooks);

}  // namespace hsconas
