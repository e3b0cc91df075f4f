#pragma once

#include <optional>
#include <vector>

#include "hsconas/kernels/device_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// `arch` with the supernet's weights, for a DeviceEngine; absent when the engine does not support
/// one of its operations.
std::optional<DeviceNetwork> device_network(const Supernet& supernet, const Architecture& arch);

/// Whether the engine supports every operator of the supernet's space.
bool knows_all_operators(const Supernet& supernet);

/// The engine for the supernet's weights with activations of `type`. The first call makes it; it is
/// kept with the supernet. Returns nullptr when the supernet is on the CPU or the program was built
/// without CUDA. All engines of a supernet share the same memory, one at a time.
DeviceEngine* device_engine(const Supernet& supernet, Number type);

/// The engine of device_engine(), prepared for training on batches of `images` images: memory for
/// the largest path is reserved, and every operator has run once, because a GPU's first run of a
/// kernel is slow. Cost: about a second when `images` differs from the previous call, else nothing.
DeviceEngine* device_engine_for_training(const Supernet& supernet, Number type, int images);

/// A view of `images` [N, C, H, W] for an engine; they must be on its device, fp32 and
/// channels-last.
DeviceImages device_images(const torch::Tensor& images);

}  // namespace hsconas
