#pragma once

#include <cuda_runtime.h>
#include <memory>
#include <utility>

#include "hsconas/kernels/device_network.hpp"

namespace hsconas::cuda {

/// See make_device_engine(). Each type's kernels have their own source file, so that they can be
/// compiled in parallel.
template <typename T>
std::unique_ptr<DeviceEngine> make_engine(cudaStream_t stream, const DeviceWeights& weights,
                                          std::shared_ptr<DeviceMemory> memory,
                                          std::shared_ptr<DeviceMemory> fixed);
template <>
std::unique_ptr<DeviceEngine> make_engine<Bf16>(cudaStream_t, const DeviceWeights&,
                                                std::shared_ptr<DeviceMemory>,
                                                std::shared_ptr<DeviceMemory>);
template <>
std::unique_ptr<DeviceEngine> make_engine<Half>(cudaStream_t, const DeviceWeights&,
                                                std::shared_ptr<DeviceMemory>,
                                                std::shared_ptr<DeviceMemory>);
template <>
std::unique_ptr<DeviceEngine> make_engine<float>(cudaStream_t, const DeviceWeights&,
                                                 std::shared_ptr<DeviceMemory>,
                                                 std::shared_ptr<DeviceMemory>);

}  // namespace hsconas::cuda
