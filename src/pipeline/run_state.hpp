#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/latency/model.hpp"
#include "hsconas/pipeline/result.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/supernet.hpp"
#include "hsconas/train/supernet_evaluator.hpp"

namespace hsconas {

/// How passes over a GPU are timed, for the inputs of stages; nothing where there is no GPU.
nlohmann::json timing_inputs(const Config& config);

/// What exists once there are weights to judge.
struct Run::Trained {
  Trained(const SearchSpace& space, const Config& config)
      : supernet(space, open_device(config.device.type), config.seed) {}

  Supernet supernet;
  std::unique_ptr<TableModel> latency;
  std::unique_ptr<SupernetEvaluator> evaluator;
  std::unique_ptr<Scorer> scorer;
  std::string stage;      ///< That the weights come from,
  nlohmann::json inputs;  ///< and its inputs.
  std::vector<JudgingWeights> judged_by;
  std::shared_ptr<const NetworkRegion> shrunk;
};

/// The hooks of train() that are not the run's own, and what they change.
struct Run::Companion {
  std::string metrics;  ///< The stage that its lines of metrics name: steps rise within a stage.
  std::map<std::string, torch::Tensor> tensors;  ///< Kept in the stage's checkpoints; aliases.
  std::function<Architecture(std::int64_t step)> path;
  std::function<void(std::int64_t step)> after_step;
};

}  // namespace hsconas
