#pragma once

// Matrix products. Included once for each instruction set.
#include "conv_vectors.hpp"

namespace hsconas {

namespace {

// Size of a product's tile of sums that stay in registers: rows and vectors of columns.
constexpr int kRows = kLanes == 16 ? 8 : 4;
constexpr int kMostVectors = 3;
#ifdef HSCONAS_TILE_PRODUCTS
constexpr bool kHasTiles = true;
#else
constexpr bool kHasTiles = false;
#endif

/// A matrix [rows][depth], the left factor of a product.
template <typename W>
struct LeftMatrix {
  const W* values;
  Index stride;
  const float* units = nullptr;  ///< Quantisation step of each row, if W is Fixed.
};

/// A matrix [depth][columns]. Rows hold Factors<W>::kStep values side by side for each column.
template <typename W>
struct RightMatrix {
  const W* values;
  int columns;
  const float* units = nullptr;  ///< Quantisation step of each column, if W is Fixed.
};

/// How a product reads its factors, kStep values of the depth at a time: left() for all columns,
/// right() for kLanes columns. It reads whole blocks of kRowBlock rows of the left matrix and of
/// kDepthBlock values of the depth. Rows behind the last one may hold anything.
template <typename W>
struct Factors {
  static constexpr int kStep = 1;
  static constexpr int kRowBlock = kRows;
  static constexpr int kDepthBlock = kStep;

  static float left(const float* p) { return *p; }
  static Vec right(const float* p) { return load(p); }
  static void multiply_add(Vec& sum, float left, Vec right) { sum += left * right; }
  static Vec finished(Vec sum, const LeftMatrix<W>&, int, const RightMatrix<W>&, int) {
    return sum;
  }
};

#ifdef HSCONAS_BF16_PRODUCTS
template <>
struct Factors<Bf16> {
  static constexpr int kStep = 2;
  static constexpr int kRowBlock = kHasTiles ? 16 : kRows;
  static constexpr int kDepthBlock = kHasTiles ? 16 : kStep;

  static __m512bh left(const Bf16* p) {
    std::int32_t pair;
    __builtin_memcpy(&pair, p, sizeof(pair));
    return (__m512bh)_mm512_set1_epi32(pair);
  }
  static __m512bh right(const Bf16* p) { return (__m512bh)_mm512_loadu_si512(p); }
  static void multiply_add(Vec& sum, __m512bh left, __m512bh right) {
    sum = (Vec)_mm512_dpbf16_ps((__m512)sum, left, right);
  }
  static Vec finished(Vec sum, const LeftMatrix<Bf16>&, int, const RightMatrix<Bf16>&, int) {
    return sum;
  }
};

/// The lanes of `first` and `second` alternately.
inline __m512i pairs(Vec first, Vec second) {
  const auto both = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
  const __m512i in_turn =
      _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                       21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(in_turn, both);
}
inline void store_pairs(Bf16* p, Vec first, Vec second) {
  _mm512_storeu_si512(p, pairs(first, second));
}
#endif

#ifdef HSCONAS_FIXED_PRODUCTS
/// A factor as an integer multiple of a quantisation step. Magnitudes are at most kMostLeft in a
/// left matrix and kMostRight in a right one, where those of a column add up to at most
/// kMostOfColumn, so that sums stay below 2^31.
struct Fixed {
  std::int16_t units = 0;
};
constexpr float kMostLeft = 16383.0F;
constexpr float kMostRight = 32766.0F;
constexpr float kMostOfColumn = 131072.0F;

template <>
struct Factors<Fixed> {
  static constexpr int kStep = 2;
  static constexpr int kRowBlock = kRows;
  static constexpr int kDepthBlock = kStep;

  static __m512i left(const Fixed* p) {
    std::int32_t pair;
    __builtin_memcpy(&pair, p, sizeof(pair));
    return _mm512_set1_epi32(pair);
  }
  static __m512i right(const Fixed* p) { return _mm512_loadu_si512(p); }
  /// Rounding may raise a column's sum a little above kMostOfColumn; the addition saturates then.
  static void multiply_add(Vec& sum, __m512i left, __m512i right) {
    sum = (Vec)_mm512_dpwssds_epi32((__m512i)sum, left, right);
  }
  static Vec finished(Vec sum, const LeftMatrix<Fixed>& a, int row, const RightMatrix<Fixed>& b,
                      int column) {
    asm("" : "+v"(sum));  // Else GCC 12 keeps a copy of each sum in memory.
    return (Vec)_mm512_cvtepi32_ps((__m512i)sum) * load(b.units + column) * a.units[row];
  }
};

/// The largest magnitude of each of kRows rows; end() must be called for all of them.
class RowMaxima {
 public:
  /// The running maximum of a row while its values are read.
  struct Row {
    __m512i most = _mm512_setzero_si512();

    void see(Vec v) {
      const __m512i magnitude = _mm512_and_si512((__m512i)v, _mm512_set1_epi32(0x7fffffff));
      most = _mm512_max_epu32(most, magnitude);  // Compared as bits, NaN is the largest.
    }
  };
  void end(const Row& seen, int row) { most_[row] = seen.most; }

  /// The maxima over the lanes, one per row.
  __m256 rows() const {
    // Each step reduces two rows into one vector; the last one reduces the two halves.
    __m512i pairs[kRows / 2];
    for (int i = 0; i < kRows / 2; ++i) {
      pairs[i] = _mm512_max_epu32(_mm512_unpacklo_epi32(most_[2 * i], most_[2 * i + 1]),
                                  _mm512_unpackhi_epi32(most_[2 * i], most_[2 * i + 1]));
    }
    __m256i fours[2];
    for (int i = 0; i < 2; ++i) {
      const __m512i four = _mm512_max_epu32(_mm512_unpacklo_epi64(pairs[2 * i], pairs[2 * i + 1]),
                                            _mm512_unpackhi_epi64(pairs[2 * i], pairs[2 * i + 1]));
      fours[i] = _mm256_max_epu32(_mm512_castsi512_si256(four), _mm512_extracti64x4_epi64(four, 1));
    }
    return (__m256)_mm256_max_epu32(_mm256_permute2x128_si256(fours[0], fours[1], 0x20),
                                    _mm256_permute2x128_si256(fours[0], fours[1], 0x31));
  }

 private:
  static_assert(kRows == 8);
  __m512i most_[kRows];
};

/// Quantises kRows rows of `count` floats, a multiple of kLanes. `units` takes the quantisation
/// step of each row, which is NaN or infinite if one of its floats is.
inline void to_fixed(const float* from, int count, const RowMaxima& most, Fixed* to, float* units) {
  const __m256 largest = most.rows();
  _mm256_storeu_ps(units, _mm256_mul_ps(largest, _mm256_set1_ps(1.0F / kMostLeft)));
  const __mmask8 is_some = _mm256_cmp_ps_mask(largest, _mm256_setzero_ps(), _CMP_GT_OQ);
  float scales[kRows];
  _mm256_storeu_ps(scales, _mm256_maskz_div_ps(is_some, _mm256_set1_ps(kMostLeft), largest));
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < count; c += kLanes) {
      const __m512i whole = _mm512_cvtps_epi32((__m512)(load(from + c) * scales[r]));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + c), _mm512_cvtepi32_epi16(whole));
    }
    from += count;
    to += count;
  }
}
#endif

/// `count` rounded up to a multiple of `block`.
constexpr int whole_blocks(int count, int block) {
  return (count + block - 1) / block * block;
}

/// Converts the `depth` rows of a right matrix from float to factors W, in place. The next row is
/// zero.
template <typename W>
inline void to_right_factors(float*, int, int) {}
#ifdef HSCONAS_BF16_PRODUCTS
template <>
inline void to_right_factors<Bf16>(float* rows, int depth, int columns) {
  // Two rows of Bf16 take the room of one row of floats, so only memory already read is written.
  for (int k = 0; k < depth; k += 2) {
    const float* from = rows + Index{k} * columns;
    Bf16* to = reinterpret_cast<Bf16*>(rows) + Index{k} * columns;
    for (int c = 0; c < columns; c += kLanes) {
      store_pairs(to + 2 * c, load(from + c), load(from + columns + c));
    }
  }
  const int end = whole_blocks(depth, Factors<Bf16>::kStep);
  const int block_end = whole_blocks(depth, Factors<Bf16>::kDepthBlock);
  zero(reinterpret_cast<Bf16*>(rows) + Index{end} * columns, Index{block_end - end} * columns);
}
#endif

/// Must exist on the calling thread while products with factors W are computed.
template <typename W>
class ProductScope {};

/// A tile of a product, in registers.
template <int kVectors>
using Tile = Vec[kRows][kVectors];

template <int kVectors, typename W, typename Take>
inline void product_tile(const LeftMatrix<W>& a, const RightMatrix<W>& b, int depth, int row,
                         int column, Take& take) {
  using F = Factors<W>;
  Tile<kVectors> sums = {};
  const W* lefts = a.values + row * a.stride;
  const W* rights = b.values + column * F::kStep;
  for (int k = 0; k < depth; k += F::kStep) {
    decltype(F::right(rights)) right[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      right[v] = F::right(rights + Index{k} * b.columns + v * kLanes * F::kStep);
    }
    for (int r = 0; r < kRows; ++r) {
      const auto left = F::left(lefts + r * a.stride + k);
      for (int v = 0; v < kVectors; ++v) F::multiply_add(sums[r][v], left, right[v]);
    }
  }
  // A copy, because GCC 12 would keep in memory any sums that are passed to `take`.
  Tile<kVectors> finished;
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      finished[r][v] = F::finished(sums[r][v], a, row + r, b, column + v * kLanes);
    }
  }
  take(row, finished);
}

template <int kVectors, typename W, typename Takes>
inline void product_rows(const LeftMatrix<W>& a, const RightMatrix<W>& b, int rows, int depth,
                         int column, const Takes& takes) {
  auto take = takes.template at<kVectors>(column);
  for (int r = 0; r < rows; r += kRows) product_tile<kVectors>(a, b, depth, r, column, take);
}

/// a [rows][depth] * b [depth][columns]. `rows` is a multiple of kRows, `columns` of kLanes, and
/// depth is filled up with zeros to a multiple of Factors<W>::kDepthBlock. For each strip of
/// columns, takes.at<kVectors>(column) makes a function that is called with (row, tile) for every
/// tile.
template <typename W, typename Takes>
inline void product(const LeftMatrix<W>& a, const RightMatrix<W>& b, int rows, int depth,
                    const Takes& takes) {
  for (int column = 0; column < b.columns;) {
    const int vectors = (b.columns - column) / kLanes;
    // Four vectors are processed as two and two; three and one would leave registers idle.
    if (vectors == 1) {
      product_rows<1>(a, b, rows, depth, column, takes);
      column += kLanes;
    } else if (vectors == 2 || vectors == 4) {
      product_rows<2>(a, b, rows, depth, column, takes);
      column += 2 * kLanes;
    } else {
      product_rows<kMostVectors>(a, b, rows, depth, column, takes);
      column += kMostVectors * kLanes;
    }
  }
}

template <int kVectors, typename W>
inline void outer_tile(const W* a, Index a_stride, const RightMatrix<W>& b, int rows, float* c) {
  using F = Factors<W>;
  Tile<kVectors> sums;
  for (int k = 0; k < kRows; ++k) {
    for (int v = 0; v < kVectors; ++v) sums[k][v] = load(c + Index{k} * b.columns + v * kLanes);
  }
  for (int r = 0; r < rows; r += F::kStep) {
    decltype(F::right(b.values)) right[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      right[v] = F::right(b.values + Index{r} * b.columns + v * kLanes * F::kStep);
    }
    for (int k = 0; k < kRows; ++k) {
      const auto left = F::left(a + r * a_stride + k * F::kStep);
      for (int v = 0; v < kVectors; ++v) F::multiply_add(sums[k][v], left, right[v]);
    }
  }
  for (int k = 0; k < kRows; ++k) {
    for (int v = 0; v < kVectors; ++v) store(c + Index{k} * b.columns + v * kLanes, sums[k][v]);
  }
}

template <int kVectors, typename W>
inline void outer_rows(const W* a, const RightMatrix<W>& b, int rows, int depth, int column,
                       float* c) {
  const RightMatrix<W> right{b.values + column * Factors<W>::kStep, b.columns};
  for (int k = 0; k < depth; k += kRows) {
    outer_tile<kVectors>(a + k * Factors<W>::kStep, depth, right, rows,
                         c + Index{k} * b.columns + column);
  }
}

#if defined(HSCONAS_BF16_PRODUCTS) && !defined(HSCONAS_TILE_PRODUCTS)
/// The left factor of add_outer() from floats [rows][depth], at `to`.
inline const Bf16* outer_left(const float* from, int rows, int depth, Bf16* to, int /*stride*/) {
  for (int r = 0; r < rows; r += 2) {
    const float* pair = from + Index{r} * depth;
    for (int k = 0; k < depth; k += kLanes) {
      store_pairs(to + Index{r} * depth + 2 * k, load(pair + k), load(pair + depth + k));
    }
  }
  return to;
}
#endif

/// c [depth][columns] += transposed a [rows][depth] * b [rows][columns]; depth and columns are
/// padded. Both factors interleave Factors<W>::kStep rows and are filled up with rows of zeros. If
/// `a` is a LeftMatrix, it is the transposed matrix.
template <typename Left, typename W>
inline void add_outer(const Left& a, const RightMatrix<W>& b, int rows, int depth, float* c) {
  for (int column = 0; column < b.columns;) {
    const int vectors = (b.columns - column) / kLanes;
    if (vectors == 1) {
      outer_rows<1>(a, b, rows, depth, column, c);
      column += kLanes;
    } else if (vectors == 2 || vectors == 4) {
      outer_rows<2>(a, b, rows, depth, column, c);
      column += 2 * kLanes;
    } else {
      outer_rows<kMostVectors>(a, b, rows, depth, column, c);
      column += kMostVectors * kLanes;
    }
  }
}

}  // namespace

}  // namespace hsconas

#ifdef HSCONAS_TILE_PRODUCTS
#include "conv_tiles.hpp"
#endif
