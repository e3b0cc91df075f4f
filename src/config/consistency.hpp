#pragma once

#include "hsconas/config/config.hpp"

namespace hsconas {

/// Checks conditions that involve several keys. Throws Error(Usage) for the first one that fails.
void check_consistency(const Config& config);

}  // namespace hsconas
