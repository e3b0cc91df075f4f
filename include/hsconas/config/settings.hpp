#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/config/stage_set.hpp"

namespace hsconas {

/// The settings of the config on which `stage` depends, in the sections of the config. The space
/// is left out, and so are settings that matter only through something derived from them: paths
/// (the content of the file), T and "auto". A key that older programs did not have is left out at
/// the value that stands for what they did, so that the settings of their runs are unchanged. Cost:
/// that of writing the config as JSON.
nlohmann::json settings_of(const Config& config, StageId stage);

/// The settings whose change affects the output of one of `stages`, and the guarded ones (see
/// ConfigKey). Paths are left out, and new keys as above; all other values are as written in the
/// config.
nlohmann::json settings_of(const Config& config, StageSet stages);

}  // namespace hsconas
