#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>
#include <torch/types.h>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/data/loader.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// Learning from another network's answers beside the labels (Hinton et al., 2015):
///   loss = (1 - weight) cross_entropy(labels)
///          + weight T^2 cross_entropy(softmax(teacher / T), student / T).
struct Distillation {
  const FrozenNetwork* teacher = nullptr;  ///< Borrowed; null: labels alone.
  double weight = 0.0;
  double temperature = 1.0;  ///< T.
};

/// One stretch of supernet training: all of it, or the tuning after a shrinking stage.
struct TrainingStage {
  std::string name;  ///< "supernet", "shrink-1": names its random streams and its metrics.
  std::shared_ptr<const NetworkRegion> region;  ///< Paths are drawn from it.
  SupernetConfig settings;
  std::uint64_t seed = 0;
  std::int64_t total_steps = 0;
  double save_minutes = 10;
  std::int64_t save_steps = 0;  ///< 0: by time alone.
  Distillation distillation{};
};

/// What training tells the outside.
struct TrainingHooks {
  Log& log;
  const StopToken& stop;
  std::function<void(const nlohmann::json&)> metrics;  ///< One object now and then.
  std::function<void(std::int64_t next_step)> save;    ///< Store the supernet; `next_step` follows.
  std::function<void(std::int64_t step)> after_step{};    ///< When set, after each update.
  std::function<Architecture(std::int64_t step)> path{};  ///< When set, in place of uniform ones.
};

/// One step of gradient descent on the path `arch`; returns the loss before it, on the supernet's
/// device. Dropout is drawn from torch's default generator.
torch::Tensor train_step(Supernet& supernet, const Architecture& arch, const Batch& batch,
                         const SupernetConfig& settings, double lr,
                         const Distillation& distillation = {});

/// Takes the memory for steps on batches of so many images and does what a GPU does slowly for the
/// first time; train() calls it. On the CPU nothing.
void prepare_training(const Supernet& supernet, const SupernetConfig& settings, int batch);

/// Trains `supernet` on one path of the stage's region per step, sampled uniformly or by hook,
/// from `first_step` to the end; `batches` must stand at that step. Everything random in a step
/// depends only on the seed, the stage's name and the step, so a resumed run repeats the
/// uninterrupted one.
///
/// Throws Error(Interrupted) after saving when a stop is requested, Error(Usage) that names the
/// step when the loss is not finite.
void train(Supernet& supernet, const TrainingStage& stage, TrainLoader& batches,
           std::int64_t first_step, const TrainingHooks& hooks);

}  // namespace hsconas
