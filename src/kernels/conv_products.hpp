#pragma once

// Matrix products, included once for each instruction set.
#include "conv_vectors.hpp"

namespace hsconas {

namespace {

// Of a matrix product: rows x vectors of sums that stay in registers.
constexpr int kRows = kLanes == 16 ? 8 : 4;
constexpr int kMostVectors = 3;

/// How a product reads its factors: `left` is the same for all columns, `right` that of kLanes
/// columns, both for kStep of the depth. Rows of the right matrix hold kStep values side by side
/// for each column.
template <typename W>
struct Factors {
  static constexpr int kStep = 1;

  static float left(const float* p) { return *p; }
  static Vec right(const float* p) { return load(p); }
  static void multiply_add(Vec& sum, float left, Vec right) { sum += left * right; }
  static Vec finished(Vec sum, const float* /*units*/) { return sum; }
};

/// A matrix [depth][columns] as Factors<W> reads it.
template <typename W>
struct RightMatrix {
  const W* values;
  int columns;
  const float* units = nullptr;  ///< Of Fixed: what a column's sums are multiplied by.
};

#ifdef HSCONAS_FIXED_PRODUCTS
/// Exact sums of whole numbers, within the range of 32 bits.
template <>
struct Factors<Fixed> {
  static constexpr int kStep = 2;

  static __m512i left(const Fixed* p) {
    std::int32_t pair;
    __builtin_memcpy(&pair, p, sizeof(pair));
    return _mm512_set1_epi32(pair);
  }
  static __m512i right(const Fixed* p) { return _mm512_loadu_si512(p); }
  static void multiply_add(Vec& sum, __m512i left, __m512i right) {
    sum = (Vec)_mm512_dpwssds_epi32((__m512i)sum, left, right);
  }
  static Vec finished(Vec sum, const float* units) {
    asm("" : "+v"(sum));  // Else GCC 12 keeps a copy of each sum in memory.
    return (Vec)_mm512_cvtepi32_ps((__m512i)sum) * load(units);
  }
};
#endif

/// A tile of a product, in registers.
template <int kVectors>
using Tile = Vec[kRows][kVectors];

/// Takes the tiles of a product to memory, padded as they are.
struct StoreTiles {
  float* c;
  int stride;

  template <int kVectors>
  auto at(int column) const {
    return [to = c + column, stride = stride](int row, const Tile<kVectors>& tile) {
      for (int r = 0; r < kRows; ++r) {
        for (int v = 0; v < kVectors; ++v) {
          store(to + Index{row + r} * stride + v * kLanes, tile[r][v]);
        }
      }
    };
  }
};

template <int kVectors, typename W, typename Take>
inline void product_tile(const W* a, Index a_stride, const RightMatrix<W>& b, int depth, int row,
                         int column, Take& take) {
  using F = Factors<W>;
  Tile<kVectors> sums = {};
  const W* rights = b.values + column * F::kStep;
  for (int k = 0; k < depth; k += F::kStep) {
    decltype(F::right(rights)) right[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      right[v] = F::right(rights + Index{k} * b.columns + v * kLanes * F::kStep);
    }
    for (int r = 0; r < kRows; ++r) {
      const auto left = F::left(a + r * a_stride + k);
      for (int v = 0; v < kVectors; ++v) F::multiply_add(sums[r][v], left, right[v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = F::finished(sums[r][v], b.units + column + v * kLanes);
    }
  }
  take(row, sums);
}

template <int kVectors, typename W, typename Takes>
inline void product_rows(const W* a, Index a_stride, const RightMatrix<W>& b, int rows, int depth,
                         int column, const Takes& takes) {
  auto take = takes.template at<kVectors>(column);
  for (int r = 0; r < rows; r += kRows) {
    product_tile<kVectors>(a + r * a_stride, a_stride, b, depth, r, column, take);
  }
}

/// a [rows][depth] * b [depth][columns]; rows a multiple of kRows, columns of kLanes, depth filled
/// up with zeros to a multiple of Factors<W>::kStep. For vectors of columns,
/// `takes.at<kVectors>(column)` is handed (row, tile) after tile.
template <typename W, typename Takes>
inline void product(const W* a, Index a_stride, const RightMatrix<W>& b, int rows, int depth,
                    const Takes& takes) {
  for (int column = 0; column < b.columns;) {
    const int vectors = (b.columns - column) / kLanes;
    // Four are two and two: a lone vector would leave the registers idle.
    if (vectors == 1) {
      product_rows<1>(a, a_stride, b, rows, depth, column, takes);
      column += kLanes;
    } else if (vectors == 2 || vectors == 4) {
      product_rows<2>(a, a_stride, b, rows, depth, column, takes);
      column += 2 * kLanes;
    } else {
      product_rows<kMostVectors>(a, a_stride, b, rows, depth, column, takes);
      column += kMostVectors * kLanes;
    }
  }
}

template <int kVectors>
inline void outer_tile(const float* a, int a_stride, const float* b, int b_stride, int rows,
                       float* c) {
  Vec sums[kRows][kVectors];
  for (int k = 0; k < kRows; ++k) {
    for (int v = 0; v < kVectors; ++v) sums[k][v] = load(c + Index{k} * b_stride + v * kLanes);
  }
  for (int r = 0; r < rows; ++r) {
    Vec right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = load(b + Index{r} * b_stride + v * kLanes);
    for (int k = 0; k < kRows; ++k) {
      const float left = a[Index{r} * a_stride + k];
      for (int v = 0; v < kVectors; ++v) sums[k][v] += left * right[v];
    }
  }
  for (int k = 0; k < kRows; ++k) {
    for (int v = 0; v < kVectors; ++v) store(c + Index{k} * b_stride + v * kLanes, sums[k][v]);
  }
}

/// c [depth][columns] += transposed a [rows][depth] * b [rows][columns]; depth and columns padded.
inline void add_outer(const float* a, int a_stride, const float* b, int rows, int depth,
                      int columns, float* c) {
  for (int column = 0; column < columns;) {
    const int vectors = (columns - column) / kLanes;
    const int step = vectors == 1 ? 1 : vectors == 2 || vectors == 4 ? 2 : kMostVectors;
    for (int k = 0; k < depth; k += kRows) {
      const float* left = a + k;
      const float* right = b + column;
      float* to = c + Index{k} * columns + column;
      if (step == 1) {
        outer_tile<1>(left, a_stride, right, columns, rows, to);
      } else if (step == 2) {
        outer_tile<2>(left, a_stride, right, columns, rows, to);
      } else {
        outer_tile<kMostVectors>(left, a_stride, right, columns, rows, to);
      }
    }
    column += step * kLanes;
  }
}

}  // namespace

}  // namespace hsconas
