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

/// One architecture to train alone, as config.retrain says.
struct RetrainRequest {
  Config config;
  Architecture arch;
  std::filesystem::path run;  ///< Folder of a finished search whose weights may be used; or empty.
};

/// The settings of a retraining that was begun in a folder.
struct BegunRetraining {
  Config config;
  std::string arch;        ///< In the notation of SearchSpace::encode().
  bool needs_run = false;  ///< True if it starts from, or is taught by, the weights of a search.
};

/// The retraining that was begun in `folder`; empty if the folder holds no work of a retraining.
std::optional<BegunRetraining> begun_retraining(const std::filesystem::path& folder);

/// Trains request.arch alone: as a supernet from which no other path is sampled. Writes into `dir`
/// checkpoints/, metrics.jsonl, result.json (format "hsconas-retrain-1"; its content is returned)
/// and the model (see DeployedModel). The model holds the moving average of the weights, and batch
/// norm statistics computed on score.calibration_images.
///
/// Continues an interrupted training with the same inputs, and reads a finished one back. The test
/// set is read once, at the end. All inputs are checked before anything in `dir` is written or
/// removed.
///
/// Throws the errors of train(); Error(Usage) when the settings need the weights of a search but
/// request.run is empty, and when `dir` holds work of a retraining with other inputs (the message
/// lists the changes).
RetrainRecord retrain(const RetrainRequest& request, const WorkDir& dir, Log& log,
                      const StopToken& stop);

/// Reads the result of the retraining in `folder`. Throws Error(Data) when it has not finished.
RetrainRecord load_retrain_result(const std::filesystem::path& folder);

}  // namespace hsconas
