#pragma once

#include <cstddef>
#include <cstdint>

// A GPU kernel here is a function object that runs once per block of threads. The same source is
// compiled by nvcc for the GPU, and by any C++17 compiler for the processor, where the blocks run
// one after the other in random order and the threads of a block in a loop. Tests run it on the
// processor, so that index arithmetic and numerics are checked without a GPU.
//
//   struct Double {
//     static constexpr int kThreads = 256;
//     float* data;
//     std::int64_t count;
//     template <typename Block>
//     HSCONAS_DEVICE void operator()(Block& block) const {
//       block.each([&](int thread) {
//         const std::int64_t i = std::int64_t{block.x} * kThreads + thread;
//         if (i < count) data[i] *= 2.0F;
//       });
//     }
//   };
//
// Rules: threads exchange data through block.shared only, and only from one call of block.each() to
// the next, since each call ends with a barrier. A variable that a thread keeps between calls is a
// Local. There are no warp intrinsics and no atomic operations but the counter of block.is_last().

#if defined(__CUDACC__)
#define HSCONAS_DEVICE __device__ __forceinline__
#define HSCONAS_BOTH __host__ __device__ __forceinline__  // Also called by the host.
#define HSCONAS_UNROLL _Pragma("unroll")
#else
#define HSCONAS_DEVICE inline
#define HSCONAS_BOTH inline
#define HSCONAS_UNROLL
#endif

namespace hsconas::cuda {

/// Number of blocks of a kernel.
struct Grid {
  int x = 1;
  int y = 1;
};

template <typename Block, typename T>
struct LocalOf;

/// A variable that each thread keeps between calls of each(), in registers on the GPU. Declare
/// `Local<Block, float> sum;` before the first call and use `sum[thread]`.
template <typename Block, typename T>
using Local = typename LocalOf<Block, T>::Type;

#if defined(__CUDACC__)

template <int Threads>
struct GpuBlock {
  static constexpr int kThreads = Threads;
  int x;
  int y;
  int blocks_x;
  int blocks_y;
  unsigned char* shared;  ///< Shared memory of the size given at launch, aligned to 16 bytes.

  /// Runs `f(thread)` for every thread of the block, then waits for all of them.
  template <typename F>
  __device__ __forceinline__ void each(F f) {
    f(static_cast<int>(threadIdx.x));
    __syncthreads();
  }

  /// Whether this is the last of the `blocks` blocks with the same `counter` to call it; then it
  /// sees everything that the others wrote before. `counter` must be 0 at first and is 0 again at
  /// the end.
  __device__ __forceinline__ bool is_last(unsigned* counter, int blocks) {
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
      last = atomicAdd(counter, 1U) == static_cast<unsigned>(blocks - 1);
      if (last) *counter = 0;
    }
    __syncthreads();
    if (last) __threadfence();
    return last;
  }
};

template <int Threads, typename T>
struct LocalOf<GpuBlock<Threads>, T> {
  struct Type {
    T value;
    __device__ __forceinline__ T& operator[](int) { return value; }
  };
};

#endif

/// A block of threads on the processor.
template <int Threads>
struct HostBlock {
  static constexpr int kThreads = Threads;
  int x;
  int y;
  int blocks_x;
  int blocks_y;
  unsigned char* shared;
  bool reversed;  ///< Threads run from last to first, which reveals missing barriers.

  template <typename F>
  void each(F f) {
    for (int i = 0; i < Threads; ++i) f(reversed ? Threads - 1 - i : i);
  }

  bool is_last(unsigned* counter, int blocks) {
    if (++*counter != static_cast<unsigned>(blocks)) return false;
    *counter = 0;
    return true;
  }
};

template <int Threads, typename T>
struct LocalOf<HostBlock<Threads>, T> {
  struct Type {
    T values[Threads];
    T& operator[](int thread) { return values[thread]; }
  };
};

}  // namespace hsconas::cuda
