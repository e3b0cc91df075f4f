#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/pipeline/work_dir.hpp"

namespace hsconas {

/// One step of a run whose output is kept: what it is made from, what it leaves and how it is made.
struct Stage {
  std::string name;                            ///< As in stages.json and in the log.
  nlohmann::json inputs;                       ///< See StageInputs.
  std::vector<std::filesystem::path> outputs;  ///< It counts as finished only if all are there.
  /// Makes the outputs. It goes on from what an interrupted call has left for the same inputs.
  std::function<void()> produce;
  /// Takes over the outputs of a finished stage; false when they turn out to be damaged, which
  /// means that they are produced again.
  std::function<bool()> load = [] { return true; };
};

/// Brings about `stage`: loads its outputs where they were made from the same inputs; otherwise
/// logs what changed, removes the record of the earlier outputs, produces them and records them.
/// Where the record is a group's, all ranks go through the same stage together, and produce() and
/// load() do what touches the disk through GroupFiles.
/// Returns whether they were loaded. Throws what produce() and load() throw; the stage then stays
/// unfinished.
bool run_stage(const Stage& stage, StageRecord& record, Log& log);

}  // namespace hsconas
