#pragma once

#include <optional>

#include "hsconas/kernels/device_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// `arch` with the supernet's weights, for a DeviceEngine; nothing where it has an operation that
/// the engine does not know.
std::optional<DeviceNetwork> device_network(const Supernet& supernet, const Architecture& arch);

}  // namespace hsconas
