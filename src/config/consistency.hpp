#pragma once

#include "hsconas/config/config.hpp"

namespace hsconas {

/// Checks conditions that involve several keys. Throws Error(Usage) for the first one that fails.
void check_consistency(const Config& config);

/// The part of check_consistency() about supernet.method: rejects settings that have no effect with
/// it.
void check_supernet_method(const Config& config);

}  // namespace hsconas
