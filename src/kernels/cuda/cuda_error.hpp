#pragma once

#include <cuda_runtime.h>
#include <string>

#include "hsconas/base/error.hpp"

namespace hsconas::cuda {

/// Throws Error(Device) if `status` is not success: "GPU: no memory for 4096 bytes: out of memory
/// (cudaErrorMemoryAllocation)". `what` says what was attempted.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw Error(ErrorKind::Device, std::string("GPU: ") + what + ": " + cudaGetErrorString(status) +
                                     " (" + cudaGetErrorName(status) + ")");
}

}  // namespace hsconas::cuda
