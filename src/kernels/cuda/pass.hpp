#pragma once

#include "block.hpp"

namespace hsconas::cuda {

constexpr float kEpsilon = 1e-5F;  ///< Batch norm's epsilon, the same everywhere in the program.

/// Arguments of a forward pass.
struct Pass {
  int images = 0;
  int counted = 0;  ///< Batch norm uses the statistics of this many images.
  const void* in = nullptr;
  void* out = nullptr;
  bool trains = false;
};

/// Runs kernels and products; see Engine for `Queue`.
template <typename Queue>
struct Launcher {
  Queue* queue = nullptr;
  unsigned* counters = nullptr;      ///< All 0 between kernels.
  unsigned char* scratch = nullptr;  ///< Partial sums of one kernel.

  template <typename Kernel>
  void launch(const Kernel& kernel, Grid grid, int shared_bytes = 0) const {
    queue->launch(kernel, grid, shared_bytes);
  }
  int multiprocessors() const { return queue->multiprocessors(); }
};

}  // namespace hsconas::cuda
