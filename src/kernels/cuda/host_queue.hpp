#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "block.hpp"
#include "hsconas/kernels/device_network.hpp"
#include "product.hpp"
#include "values.hpp"

namespace hsconas::cuda {

/// Stands in for a CudaQueue in tests: runs kernels and products on the processor, one after the
/// other and slowly.
class HostQueue {
 public:
  explicit HostQueue(unsigned seed = 1, int multiprocessors = 3)
      : random_(seed), multiprocessors_(multiprocessors) {}

  int multiprocessors() const { return multiprocessors_; }

  /// Runs the blocks in random order, with shared memory that initially holds NaN.
  template <typename Kernel>
  void launch(const Kernel& kernel, Grid grid, int shared_bytes = 0) {
    std::vector<int> order(static_cast<std::size_t>(grid.x) * static_cast<std::size_t>(grid.y));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random_);
    // 16 extra bytes allow for the alignment.
    std::vector<unsigned char> memory(static_cast<std::size_t>(shared_bytes) + 16);
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    unsigned char* shared = memory.data() + (16 - address % 16) % 16;
    for (const int i : order) {
      std::memset(shared, 0xff, static_cast<std::size_t>(shared_bytes));  // NaN.
      HostBlock<Kernel::kThreads> block{i % grid.x, i / grid.x, grid.x,
                                        grid.y,     shared,     random_() % 2 == 0};
      kernel(block);
    }
    ++launches_;
  }

  void multiply(const Product& product) {
    for (int batch = 0; batch < product.batches; ++batch) {
      for (std::int64_t row = 0; row < product.rows; ++row) {
        for (std::int64_t column = 0; column < product.columns; ++column) {
          multiply_one(product, batch, row, column);
        }
      }
    }
    ++launches_;
  }

  void clear(void* memory, std::int64_t bytes) {
    std::memset(memory, 0, static_cast<std::size_t>(bytes));
  }
  void copy(void* to, const void* from, std::int64_t bytes) {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
  void upload(void* to, const void* from, std::int64_t bytes) {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }

  std::int64_t launches() const { return launches_; }
  /// Times are not measured, since those of the processor would mean nothing.
  void time_launches(bool) {}
  std::vector<DeviceEngine::KernelTime> take_times() { return {}; }

 private:
  static float read(const void* data, std::int64_t i, Number type) {
    switch (type) {
      case Number::Fp32:
        return static_cast<const float*>(data)[i];
      case Number::Bf16:
        return to_float(static_cast<const Bf16*>(data)[i]);
      case Number::Fp16:
        return to_float(static_cast<const Half*>(data)[i]);
    }
    return 0.0F;
  }

  static void multiply_one(const Product& p, int batch, std::int64_t row, std::int64_t column) {
    double sum = 0.0;
    for (std::int64_t k = 0; k < p.depth; ++k) {
      const std::int64_t left = batch * p.left_step + (p.left.transposed ? k * p.left.stride + row
                                                                         : row * p.left.stride + k);
      const std::int64_t right =
          batch * p.right_step +
          (p.right.transposed ? column * p.right.stride + k : k * p.right.stride + column);
      sum += static_cast<double>(read(p.left.data, left, p.type)) *
             static_cast<double>(read(p.right.data, right, p.type));
    }
    const std::int64_t at = batch * p.out_step + row * p.out_stride + column;
    if (p.add != nullptr) sum += static_cast<double>(read(p.add, at, p.out_type));
    const auto value = static_cast<float>(sum);
    switch (p.out_type) {
      case Number::Fp32:
        static_cast<float*>(p.out)[at] = value;
        break;
      case Number::Bf16:
        static_cast<Bf16*>(p.out)[at] = from_float<Bf16>(value);
        break;
      case Number::Fp16:
        static_cast<Half*>(p.out)[at] = from_float<Half>(value);
        break;
    }
  }

  std::mt19937 random_;
  int multiprocessors_;
  std::int64_t launches_ = 0;
};

}  // namespace hsconas::cuda
