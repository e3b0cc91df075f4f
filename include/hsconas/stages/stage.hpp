#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

/// One step of a run whose output is kept: its inputs, its output files, and how they are made.
struct Stage {
  std::string name;                            ///< The name in stages.json and in the log.
  nlohmann::json inputs;                       ///< See StageInputs.
  std::vector<std::filesystem::path> outputs;  ///< A finished stage has all of these files.
  /// Makes the outputs, continuing what an interrupted call with the same inputs has left.
  std::function<void()> produce;
  /// Loads the outputs of a finished stage. Returns false if they are damaged or incomplete; they
  /// are then produced again.
  std::function<bool()> load = [] { return true; };
};

/// Loads the outputs of `stage` if `record` lists it with the same inputs and all files exist.
/// Otherwise logs what changed, removes the stage from `record`, produces the outputs and adds the
/// stage again. Returns whether the outputs were loaded. Errors of produce() and load() pass
/// through; if produce() throws, the stage counts as unfinished.
/// All ranks of a group call it together with the same stage; produce() and load() use the disk
/// through GroupFiles.
bool run_stage(const Stage& stage, StageRecord& record, Log& log);

}  // namespace hsconas
