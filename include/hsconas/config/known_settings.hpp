#pragma once

#include <string>
#include <vector>

#include "hsconas/config/config.hpp"

namespace hsconas {

/// The keys with another value than their default that have no effect on a search on known
/// accuracies, because nothing is trained or timed: "supernet.epochs".
std::vector<std::string> settings_without_effect(const Config& config);

}  // namespace hsconas
