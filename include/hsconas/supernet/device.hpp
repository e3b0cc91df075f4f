#pragma once

#include <string>
#include <vector>

#include <torch/types.h>

#include "hsconas/kernels/number.hpp"

namespace hsconas {

/// The device that a config names: "cpu", "cuda" or "cuda:N". Throws Error(Usage) for another word,
/// Error(Device) when there is no such GPU or this LibTorch has no CUDA.
/// Opening the first GPU makes the whole process use only deterministic cuDNN algorithms, and full
/// fp32 for products of fp32 numbers (see allow_tf32()).
torch::Device open_device(const std::string& name);

/// Makes "cuda" name the GPU of process `local_rank` among those of a run on this machine: its
/// number, modulo the GPUs that there are. Without this call it is the first GPU.
void choose_gpu(int local_rank);

/// Sets for the whole process whether GPUs may round the factors of fp32 products to TF32, which
/// has 10 bits of mantissa instead of 23.
void allow_tf32(bool is_allowed);

/// Name of the device as the system reports it: "cpu: AMD EPYC 9B45", "cuda: NVIDIA H200, 132 SMs".
std::string describe_device(const torch::Device& device);

/// Torch's type for `number`.
torch::ScalarType scalar_type(Number number);

/// Versions of the libraries that compute on `device`: "LibTorch 2.11.0", and CUDA and cuDNN for a
/// GPU.
std::string describe_libraries(const torch::Device& device);

/// The CPU, then every GPU that this process can use.
std::vector<torch::Device> all_devices();

/// Sets the number of torch's CPU threads for this process; 0 means usable_cpus(). Returns
/// the number set. Denormal numbers are flushed to 0 from then on, because some processors take a
/// hundred times as long for them.
int set_threads(int threads);

}  // namespace hsconas
