#pragma once

#include <array>
#include <cstdint>
#include <cuda_runtime.h>
#include <memory>
#include <type_traits>
#include <typeinfo>
#include <unordered_map>
#include <vector>

#include "block.hpp"
#include "cuda_error.hpp"
#include "hsconas/kernels/device_network.hpp"
#include "product.hpp"

namespace hsconas::cuda {

class CublasProducts;

/// How many blocks of a kernel should fit on a multiprocessor at once: Kernel::kBlocks if that is
/// defined. The compiler limits registers accordingly, if need be by spilling some.
template <typename Kernel, typename = void>
struct BlocksAtOnce {
  static constexpr int kValue = 0;  // No limit; 1 would let the compiler use all registers.
};
template <typename Kernel>
struct BlocksAtOnce<Kernel, std::void_t<decltype(Kernel::kBlocks)>> {
  static constexpr int kValue = Kernel::kBlocks;
};

/// One block of `Kernel` on the GPU.
template <typename Kernel>
__global__ __launch_bounds__(Kernel::kThreads, BlocksAtOnce<Kernel>::kValue) void run_block(
    const __grid_constant__ Kernel kernel) {
  extern __shared__ __align__(16) unsigned char shared_memory[];
  GpuBlock<Kernel::kThreads> block{static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y),
                                   static_cast<int>(gridDim.x), static_cast<int>(gridDim.y),
                                   shared_memory};
  kernel(block);
}

/// Runs kernels and products on a CUDA stream, in the order of the calls, which do not wait for the
/// GPU unless they say so. Errors throw Error(Device); a later call reports errors of a kernel that
/// was running.
///
/// To be used by one thread at a time; the device that was current at construction must be current
/// in every call. Holds 8 to 32 MiB of device memory as a workspace of products. Only for sources
/// compiled by nvcc.
class CudaQueue {
 public:
  /// The stream must outlive the queue.
  explicit CudaQueue(cudaStream_t stream);
  ~CudaQueue();
  CudaQueue(const CudaQueue&) = delete;
  CudaQueue& operator=(const CudaQueue&) = delete;

  cudaStream_t stream() const { return stream_; }
  int multiprocessors() const { return multiprocessors_; }

  /// `shared_bytes` is the shared memory per block, limited by the card (227 KB on sm_90).
  template <typename Kernel>
  void launch(const Kernel& kernel, Grid grid, int shared_bytes = 0) {
    static_assert(std::is_trivially_copyable_v<Kernel>, "kernels are copied to the GPU");
    static_assert(sizeof(Kernel) <= 4096, "arguments of a kernel end at 4 KB");
    if (shared_bytes > kSharedBytesForAll) {
      allow_shared(reinterpret_cast<const void*>(&run_block<Kernel>), shared_bytes);
    }
    const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y));
    const Stopwatch stopwatch(*this, typeid(Kernel).name());
    run_block<Kernel>
        <<<blocks, Kernel::kThreads, static_cast<std::size_t>(shared_bytes), stream_>>>(kernel);
    check(cudaGetLastError(), "launching a kernel");
    ++launches_;
  }

  void multiply(const Product& product);

  void clear(void* memory, std::int64_t bytes);

  /// Copies within the GPU's memory.
  void copy(void* to, const void* from, std::int64_t bytes);

  /// Copies from the host, whose memory may be reused at once. Waits for the GPU only if it is many
  /// uploads behind.
  void upload(void* to, const void* from, std::int64_t bytes);

  /// Number of kernels and products launched so far.
  std::int64_t launches() const { return launches_; }

  /// Turns the timing of single launches on or off; it slows the whole down.
  void time_launches(bool on) { times_launches_ = on; }
  /// Waits for the GPU and returns the launches and milliseconds of each kernel, by mangled name,
  /// since the last call.
  std::vector<DeviceEngine::KernelTime> take_times();

 private:
  /// Records an event before and one after a launch.
  class Stopwatch {
   public:
    Stopwatch(CudaQueue& queue, const char* name) : queue_(queue) {
      if (queue.times_launches_) queue.begin_time(name);
    }
    ~Stopwatch() {
      if (queue_.times_launches_) cudaEventRecord(queue_.timed_.back().end, queue_.stream_);
    }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

   private:
    CudaQueue& queue_;
  };
  struct Timed {
    const char* name;
    cudaEvent_t begin;
    cudaEvent_t end;
  };
  void begin_time(const char* name);

  /// Every kernel may use this much shared memory; for more allow_shared() is needed.
  static constexpr int kSharedBytesForAll = 48 * 1024;

  /// Pinned memory through which uploads go; with pageable memory CUDA would wait for all work that
  /// was enqueued before.
  struct Staging {
    void* memory = nullptr;
    std::int64_t bytes = 0;
    cudaEvent_t copied = nullptr;
  };

  void allow_shared(const void* kernel, int bytes);

  cudaStream_t stream_;
  int multiprocessors_ = 0;
  std::int64_t launches_ = 0;
  std::unique_ptr<CublasProducts> products_;
  bool times_launches_ = false;
  std::vector<Timed> timed_;
  std::array<Staging, 16> staging_;
  std::size_t next_staging_ = 0;
  std::unordered_map<const void*, int> shared_bytes_;  ///< Shared memory allowed, per kernel.
};

}  // namespace hsconas::cuda
