#pragma once

#include <string>

#include <torch/types.h>

#include "hsconas/kernels/number.hpp"

namespace hsconas {

/// The device a config names: "cpu", "cuda" or "cuda:N". Throws Error(Usage) for another word,
/// Error(Device) when there is no such GPU or this LibTorch has no CUDA.
torch::Device open_device(const std::string& name);

/// "cpu: AMD EPYC 9B45", "cuda:0": what the device is, as far as the system tells.
std::string describe_device(const torch::Device& device);

/// The type of a tensor that holds such numbers.
torch::ScalarType scalar_type(Number number);

/// Sets torch's CPU threads for this process; 0 means one per core. Returns the number set.
/// Numbers too small for full precision count as 0 from here on: some processors take a hundred
/// times as long for them.
int set_threads(int threads);

}  // namespace hsconas
