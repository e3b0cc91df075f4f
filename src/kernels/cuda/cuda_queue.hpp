#pragma once

#include <cstdint>
#include <cuda_runtime.h>
#include <memory>
#include <type_traits>
#include <unordered_map>

#include "block.hpp"
#include "cuda_error.hpp"
#include "product.hpp"

namespace hsconas::cuda {

class CublasProducts;

/// One block of `Kernel` on the GPU.
template <typename Kernel>
__global__ __launch_bounds__(Kernel::kThreads) void run_block(
    const __grid_constant__ Kernel kernel) {
  extern __shared__ __align__(16) unsigned char shared_memory[];
  DeviceBlock<Kernel::kThreads> block{static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y),
                                      static_cast<int>(gridDim.x), static_cast<int>(gridDim.y),
                                      shared_memory};
  kernel(block);
}

/// Runs kernels and products on a CUDA stream, in the order in which they come; nothing here waits
/// for the GPU. Errors throw Error(Device); those of a kernel that ran come with a later call.
///
/// For one thread at a time, and for the device that was current at construction; it must be
/// current in every call. Holds 8 to 32 MiB of device memory as a workspace of products.
/// For sources compiled by nvcc only.
class CudaQueue {
 public:
  /// The stream must outlive the queue.
  explicit CudaQueue(cudaStream_t stream);
  ~CudaQueue();
  CudaQueue(const CudaQueue&) = delete;
  CudaQueue& operator=(const CudaQueue&) = delete;

  cudaStream_t stream() const { return stream_; }
  int multiprocessors() const { return multiprocessors_; }

  /// `shared_bytes`: shared memory per block, at most what the card has (227 KB on sm_90).
  template <typename Kernel>
  void launch(const Kernel& kernel, Grid grid, int shared_bytes = 0) {
    static_assert(std::is_trivially_copyable_v<Kernel>, "kernels are copied to the GPU");
    static_assert(sizeof(Kernel) <= 4096, "arguments of a kernel end at 4 KB");
    if (shared_bytes > kSharedBytesForAll) {
      allow_shared(reinterpret_cast<const void*>(&run_block<Kernel>), shared_bytes);
    }
    const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y));
    run_block<Kernel>
        <<<blocks, Kernel::kThreads, static_cast<std::size_t>(shared_bytes), stream_>>>(kernel);
    check(cudaGetLastError(), "launching a kernel");
    ++launches_;
  }

  void multiply(const Product& product);

  void clear(void* memory, std::int64_t bytes);

  /// Copies from the host. Pinned memory must stay as it is until the GPU has come to this point
  /// of the stream; other memory may be reused at once.
  void upload(void* to, const void* from, std::int64_t bytes);

  /// Kernels and products launched so far.
  std::int64_t launches() const { return launches_; }

 private:
  /// Any kernel may use this much shared memory; more has to be asked for.
  static constexpr int kSharedBytesForAll = 48 * 1024;

  void allow_shared(const void* kernel, int bytes);

  cudaStream_t stream_;
  int multiprocessors_ = 0;
  std::int64_t launches_ = 0;
  std::unique_ptr<CublasProducts> products_;
  std::unordered_map<const void*, int> shared_bytes_;  ///< Allowed so far, per kernel.
};

}  // namespace hsconas::cuda
