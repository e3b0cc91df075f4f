#pragma once

#include <string>
#include <vector>

#include <torch/types.h>

#include "hsconas/kernels/number.hpp"

namespace hsconas {

/// The device a config names: "cpu", "cuda" or "cuda:N". Throws Error(Usage) for another word,
/// Error(Device) when there is no such GPU or this LibTorch has no CUDA.
/// From the first GPU on that is opened, cuDNN takes deterministic algorithms only, in this whole
/// process, and products of fp32 numbers are fp32 (see allow_tf32()).
torch::Device open_device(const std::string& name);

/// Whether GPUs may round the factors of fp32 products to TF32, with 10 bits instead of 23 behind
/// the point; for the whole process.
void allow_tf32(bool is_allowed);

/// "cpu: AMD EPYC 9B45", "cuda: NVIDIA H200, 132 SMs": what the device is, as far as the system
/// tells.
std::string describe_device(const torch::Device& device);

/// The type of a tensor that holds such numbers.
torch::ScalarType scalar_type(Number number);

/// "LibTorch 2.11.0"; for a GPU also CUDA and cuDNN: what computes there.
std::string describe_libraries(const torch::Device& device);

/// The CPU, and every GPU that this process sees.
std::vector<torch::Device> all_devices();

/// Sets torch's CPU threads for this process; 0 means one per core. Returns the number set.
/// Numbers too small for full precision count as 0 from here on: some processors take a hundred
/// times as long for them.
int set_threads(int threads);

}  // namespace hsconas
