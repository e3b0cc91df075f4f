#pragma once

#include <cstdint>

#include "hsconas/kernels/number.hpp"

namespace hsconas::cuda {

/// A row-major matrix in device memory.
struct Matrix {
  const void* data = nullptr;
  std::int64_t stride = 0;  ///< Values from one row to the next.
  bool transposed = false;  ///< The product takes it transposed; `stride` is that of memory.
};

/// out [rows][columns] = left [rows][depth] * right [depth][columns] (+ add), summed in fp32.
/// All strides and offsets of 16-bit matrices are multiples of 8 values.
struct Product {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  Matrix left;
  Matrix right;
  Number type = Number::Fp32;  ///< Of `left` and `right`.
  const void* add = nullptr;   ///< Shape, stride, type as `out`, which it may be; nullptr: none.
  void* out = nullptr;
  std::int64_t out_stride = 0;
  Number out_type = Number::Fp32;  ///< The same as `type`, or fp32.
  /// So many products of the same shape, whose matrices lie these distances apart, in values.
  int batches = 1;
  std::int64_t left_step = 0;
  std::int64_t right_step = 0;
  std::int64_t out_step = 0;
};

}  // namespace hsconas::cuda
