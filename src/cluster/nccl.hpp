#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <torch/csrc/distributed/c10d/Store.hpp>

#include "c10d_version.hpp"

namespace hsconas {

/// Whether this process can take part in connect_gpus(): the program was built with NCCL, and each
/// of the `local_size` ranks on this machine can have a GPU of its own.
bool can_connect_gpus(int local_size);

/// NCCL between the current GPUs of `size` ranks. They connect at their first collective.
c10::intrusive_ptr<Collectives> connect_gpus(const c10::intrusive_ptr<c10d::Store>& store, int rank,
                                             int size, std::chrono::milliseconds timeout);

/// A tensor that shares `count` values in the memory of a GPU.
at::Tensor gpu_tensor(std::int32_t* values, std::size_t count);

}  // namespace hsconas
