#pragma once

#include "hsconas/base/log.hpp"
#include "hsconas/base/process_group.hpp"
#include "hsconas/config/config.hpp"

namespace hsconas {

/// Checks the devices on which the ranks of `group` train and score, and warns if they are of
/// different kinds and config.cluster.mixed allows that; if not, throws Error(Usage). Throws
/// Error(Device) if this process' device is absent. Collective.
void check_run_devices(const Config& config, ProcessGroup& group, Log& log);

}  // namespace hsconas
