#include <cstdio>
#include <cublasLt.h>

#include "sections.hpp"

namespace hsconas::cuda::bench {

namespace {

struct Copy {
  static constexpr int kThreads = 256;
  static constexpr int kEach = 4;  // Loads of 16 bytes in flight per thread.
  const uint4* from;
  uint4* to;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      const std::int64_t at = std::int64_t{block.x} * kThreads * kEach + thread;
      uint4 values[kEach];
      HSCONAS_UNROLL
      for (int i = 0; i < kEach; ++i) values[i] = from[at + i * kThreads];
      HSCONAS_UNROLL
      for (int i = 0; i < kEach; ++i) to[at + i * kThreads] = values[i];
    });
  }
};

void describe(const Bench& bench) {
  int device = 0;
  cudaDeviceProp properties{};
  check(cudaGetDevice(&device), "asking for the device");
  check(cudaGetDeviceProperties(&properties, device), "asking for the card");
  int driver = 0;
  int runtime = 0;
  int clock = 0;
  check(cudaDriverGetVersion(&driver), "asking for the driver");
  check(cudaRuntimeGetVersion(&runtime), "asking for the runtime");
  check(cudaDeviceGetAttribute(&clock, cudaDevAttrClockRate, device), "asking for the clock");
  std::printf("  %s, sm_%d%d, %d multiprocessors, %.1f GB, L2 %.0f MB, at most %d MHz\n",
              properties.name, properties.major, properties.minor, properties.multiProcessorCount,
              static_cast<double>(properties.totalGlobalMem) * 1e-9,
              static_cast<double>(bench.l2_bytes()) * 1e-6, clock / 1000);
  std::printf("  CUDA of the driver %d, runtime %d, toolkit %d, cuBLASLt %zu\n", driver, runtime,
              CUDART_VERSION, cublasLtGetVersion());
}

}  // namespace

void card(Bench& bench) {
  describe(bench);

  constexpr std::int64_t kBytes = std::int64_t{512} << 20U;
  const Memory from = bench.random_values(kBytes / 4, Number::Fp32);
  const Memory to(kBytes);
  const Copy copy{from.as<const uint4>(), to.as<uint4>()};
  const int blocks = static_cast<int>(kBytes / 16 / (Copy::kThreads * Copy::kEach));
  const double ms =
      bench.time("copy of 512 MiB (read and written)", 2.0 * kBytes, 0.0, 1, [&](int) {
        bench.queue().launch(copy, {blocks, 1});
      });
  bench.copy_gb_per_s = 2.0 * kBytes / ms * 1e-6;

  constexpr std::int64_t kSide = 8192;
  const Memory left = bench.random_values(kSide * kSide, Number::Bf16);
  const Memory right = bench.random_values(kSide * kSide, Number::Bf16);
  const Memory out(kSide * kSide * 2);
  Product product;
  product.rows = product.columns = product.depth = kSide;
  product.left = {left.data(), kSide, false};
  product.right = {right.data(), kSide, true};
  product.type = product.out_type = Number::Bf16;
  product.out = out.data();
  product.out_stride = kSide;
  bench.time("bf16 product 8192^3", 3.0 * 2.0 * kSide * kSide, 2.0 * kSide * kSide * kSide, 1,
             [&](int) { bench.queue().multiply(product); });
}

}  // namespace hsconas::cuda::bench
