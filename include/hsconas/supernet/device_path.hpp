#pragma once

#include <optional>
#include <vector>

#include "hsconas/kernels/device_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// `arch` with the supernet's weights, for a DeviceEngine; nothing where it has an operation that
/// the engine does not know.
std::optional<DeviceNetwork> device_network(const Supernet& supernet, const Architecture& arch);

/// Whether the engine knows every operation of the supernet's space.
bool knows_all_operators(const Supernet& supernet);

/// The engine for the supernet's weights with activations of `type`, made by the first call and
/// kept with the supernet; nullptr where that is on the CPU, or the program was built without CUDA.
/// All engines of a supernet take turns in the same memory.
DeviceEngine* device_engine(const Supernet& supernet, Number type);

/// The same, prepared for training on batches of so many images: with the memory that the largest
/// path needs, and everything done that a GPU does slowly for the first time. Cost: a second for a
/// number of images other than that of the call before, else nothing.
DeviceEngine* device_engine_for_training(const Supernet& supernet, Number type, int images);

/// Images [N, C, H, W] as an engine reads them; `images` must be on its device, fp32 and
/// channels-last.
DeviceImages device_images(const torch::Tensor& images);

}  // namespace hsconas
