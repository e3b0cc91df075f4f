#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/latency/model.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/paths/path_methods.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/score/sharded_evaluator.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/supernet.hpp"
#include "hsconas/train/supernet_evaluator.hpp"

namespace hsconas {

/// The supernet and the objects that score architectures with its weights. The weights have the
/// values of one training stage at a time; those of other stages are in their checkpoints.
struct Run::Weights {
  Weights(const SearchSpace& space, const Config& config)
      : supernet(space, open_device(config.device.type), config.seed) {}

  Supernet supernet;
  std::string stage;      ///< The training stage whose values the weights have; empty: none.
  nlohmann::json inputs;  ///< The inputs of that stage.
  std::unique_ptr<SupernetEvaluator> evaluator;
  std::unique_ptr<ShardedEvaluator> shared_evaluator;  ///< Around the other, for all ranks.
  std::unique_ptr<TableModel> latency;
  std::unique_ptr<Scorer> scorer;
  std::vector<SharedWeights> scored_under;  ///< Weights used for scoring so far, oldest first.
};

/// Hooks of another learner (of architecture parameters) that takes part in a training of the
/// shared weights.
struct Run::TrainingExtension {
  /// The "stage" of the learner's own lines in metrics.jsonl. It must differ from the training
  /// stage's, because steps have to increase within a stage.
  std::string metrics;
  /// State of the learner, stored in the stage's checkpoints. The tensors share memory with it.
  std::map<std::string, torch::Tensor> tensors;
  /// If set, called before each step with its images.
  std::function<void(std::int64_t step, const Batch& batch)> before_step{};
  std::function<std::vector<TrainedPath>(std::int64_t step)> paths{};  ///< To train in a step.
  std::function<void(std::int64_t step)> after_step{};                 ///< Called after each step.
  std::function<bool()> is_over{};  ///< If set, the training ends after a step if this is true.
};

/// Throws Error(Usage) that names the stage and the step, counted from 0, unless all `losses` of
/// the architecture parameters are finite.
void check_choice_losses(std::string_view stage, std::int64_t step,
                         std::initializer_list<double> losses);

}  // namespace hsconas
