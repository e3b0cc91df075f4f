#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/config/stage_set.hpp"

namespace hsconas {

/// The values that `stage` depends on as they are written in the config, by section as in the
/// config; the space and values that count by something derived from them (files, T, "auto") are
/// left out. Cost: that of writing the config as JSON.
nlohmann::json settings_of(const Config& config, StageId stage);

/// Every value whose change concerns the run: it changes the output of one of `stages`, or is
/// guarded. Paths are left out; all others stand as they are written.
nlohmann::json settings_of(const Config& config, StageSet stages);

}  // namespace hsconas
