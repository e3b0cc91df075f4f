#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/report/retrain_record.hpp"
#include "hsconas/space/architecture.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

/// What to train, and how: config.retrain.
struct RetrainRequest {
  Config config;
  Architecture arch;
  std::filesystem::path run;  ///< Folder of a finished search, for its weights; may be empty.
};

/// A retraining that was begun in a folder.
struct BegunRetraining {
  Config config;
  std::string arch;        ///< As SearchSpace::encode() writes it.
  bool needs_run = false;  ///< It starts or learns from the weights of a search.
};

/// What `folder` was begun with, if it holds work of a retraining.
std::optional<BegunRetraining> begun_retraining(const std::filesystem::path& folder);

/// Trains `arch` alone, as a path of a supernet nothing else is sampled from, in `dir`, which ends
/// up with checkpoints/, metrics.jsonl, result.json (returned; format "hsconas-retrain-1") and the
/// model (see DeployedModel): the moving average of the weights, batch norm statistics taken on
/// score.calibration_images. Continues an interrupted training of the same inputs; repeats nothing
/// that is done. The test set is read once, at the end. Every input is checked before anything in
/// `dir` is written or removed.
/// Throws as train() does; Error(Usage) when weights of a search are asked for without one, and one
/// that lists what changed when `dir` holds work of a retraining with other inputs.
RetrainRecord retrain(const RetrainRequest& request, const WorkDir& dir, Log& log,
                      const StopToken& stop);

/// Reads the result of a retraining; throws Error(Data) that says so when it has not finished.
RetrainRecord load_retrain_result(const std::filesystem::path& folder);

}  // namespace hsconas
