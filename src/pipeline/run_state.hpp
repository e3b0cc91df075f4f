#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/latency/model.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/supernet.hpp"
#include "hsconas/train/supernet_evaluator.hpp"

namespace hsconas {

/// The shared weights and what scores architectures under them. The values are those of one
/// training stage at a time; the others are in the stages' checkpoints.
struct Run::Weights {
  Weights(const SearchSpace& space, const Config& config)
      : supernet(space, open_device(config.device.type), config.seed) {}

  Supernet supernet;
  std::string stage;      ///< The training stage whose values the weights have; empty: none yet.
  nlohmann::json inputs;  ///< The inputs of that stage.
  std::unique_ptr<SupernetEvaluator> evaluator;
  std::unique_ptr<TableModel> latency;
  std::unique_ptr<Scorer> scorer;
  std::vector<SharedWeights> scored_under;  ///< Oldest first.
};

/// What another learner adds to a training of the shared weights.
struct Run::TrainingExtension {
  std::string metrics;  ///< The stage that its lines of metrics name: steps rise within a stage.
  std::map<std::string, torch::Tensor> tensors;  ///< Kept in the stage's checkpoints; aliases.
  std::function<Architecture(std::int64_t step)> path;
  std::function<void(std::int64_t step)> after_step;
};

}  // namespace hsconas
