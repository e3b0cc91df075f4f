#pragma once

#include <cstdint>

#include "hsconas/kernels/number.hpp"

namespace hsconas::cuda {

/// A row-major matrix in device memory.
struct Matrix {
  const void* data = nullptr;
  std::int64_t stride = 0;  ///< Values from one row to the next.
  bool transposed = false;  ///< The product uses the transposed matrix; `stride` is in memory.
};

/// out [rows][columns] = left [rows][depth] * right [depth][columns] (+ add), summed in fp32.
/// All strides and offsets of 16-bit matrices are multiples of 8 values.
struct Product {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  Matrix left;
  Matrix right;
  Number type = Number::Fp32;  ///< Type of `left` and `right`.
  const void* add = nullptr;   ///< Has shape, stride and type of `out`, and may be it; or nullptr.
  void* out = nullptr;
  std::int64_t out_stride = 0;
  Number out_type = Number::Fp32;  ///< The same as `type`, or fp32.
  /// Number of products of this shape. The steps are the distances of their matrices, in values.
  int batches = 1;
  std::int64_t left_step = 0;
  std::int64_t right_step = 0;
  std::int64_t out_step = 0;
};

}  // namespace hsconas::cuda
