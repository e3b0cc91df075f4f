#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/stages/run_kind.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

/// Throws Error(Usage) that lists what has changed if `dir` holds work of a run with other settings
/// (StageInputs::config()) or with `others`, changes in words that the caller has found; not with
/// `may_change`.
void check_changes(const WorkDir& dir, const StageRecord& record, const nlohmann::json& settings,
                   std::vector<std::string> others, bool may_change);

/// Begins a run after all inputs have been checked: empties the folder if it starts over, notes the
/// kind and the settings, writes config.json and version.txt, and starts log.txt.
void begin_run(const Config& config, const WorkDir& dir, StageRecord& record, RunKind kind,
               const nlohmann::json& settings, const std::string& versions, Log& log);

}  // namespace hsconas
