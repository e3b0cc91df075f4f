#pragma once

// Matrix products, included once for each instruction set.
#include "conv_vectors.hpp"

namespace hsconas {

namespace {

// Of a matrix product: rows x vectors of sums that stay in registers.
constexpr int kRows = kLanes == 16 ? 8 : 4;
constexpr int kMostVectors = 3;

/// A matrix [rows][depth], the left factor of a product.
template <typename W>
struct LeftMatrix {
  const W* values;
  Index stride;
  const float* units = nullptr;  ///< Of Fixed: what 1 stands for in each row.
};

/// A matrix [depth][columns]. Rows hold Factors<W>::kStep values side by side for each column.
template <typename W>
struct RightMatrix {
  const W* values;
  int columns;
  const float* units = nullptr;  ///< Of Fixed: what 1 stands for in each column.
};

/// How a product reads its factors: `left` is the same for all columns, `right` that of kLanes
/// columns, both for kStep of the depth.
template <typename W>
struct Factors {
  static constexpr int kStep = 1;

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

/// Both lane by lane, side by side.
inline void store_pairs(Bf16* p, Vec first, Vec second) {
  const auto both = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
  const __m512i in_turn =
      _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                       21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  _mm512_storeu_si512(p, _mm512_permutexvar_epi16(in_turn, both));
}
#endif

#ifdef HSCONAS_FIXED_PRODUCTS
/// A factor as a whole number of units. Rows of a left matrix use up to kMostLeft of them, columns
/// of a right one up to kMostOfColumn altogether, so that sums stay below 2^31.
struct Fixed {
  std::int16_t units = 0;
};
constexpr float kMostLeft = 16383.0F;
constexpr float kMostRight = 32766.0F;
constexpr float kMostOfColumn = 131072.0F;

template <>
struct Factors<Fixed> {
  static constexpr int kStep = 2;

  static __m512i left(const Fixed* p) {
    std::int32_t pair;
    __builtin_memcpy(&pair, p, sizeof(pair));
    return _mm512_set1_epi32(pair);
  }
  static __m512i right(const Fixed* p) { return _mm512_loadu_si512(p); }
  /// Rounding may take a column a little over: then the largest sums are cut off.
  static void multiply_add(Vec& sum, __m512i left, __m512i right) {
    sum = (Vec)_mm512_dpwssds_epi32((__m512i)sum, left, right);
  }
  static Vec finished(Vec sum, const LeftMatrix<Fixed>& a, int row, const RightMatrix<Fixed>& b,
                      int column) {
    asm("" : "+v"(sum));  // Else GCC 12 keeps a copy of each sum in memory.
    return (Vec)_mm512_cvtepi32_ps((__m512i)sum) * load(b.units + column) * a.units[row];
  }
};

/// The largest magnitude of each of kRows rows, all of which are to be ended.
class RowMaxima {
 public:
  /// While its values are read.
  struct Row {
    __m512i most = _mm512_setzero_si512();

    void see(Vec v) {
      const __m512i magnitude = _mm512_and_si512((__m512i)v, _mm512_set1_epi32(0x7fffffff));
      most = _mm512_max_epu32(most, magnitude);  // As bits, of which NaN has the most.
    }
  };
  void end(const Row& seen, int row) { most_[row] = seen.most; }

  /// Over the lanes.
  __m256 rows() const {
    // Two rows into one vector, two of those, and what is left of both halves.
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

/// kRows rows of `count` floats, a multiple of kLanes, as Fixed. Their units are no numbers where
/// one of the floats is not.
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

/// The `depth` rows of a right matrix of floats as factors W, in place; behind them are zeros.
template <typename W>
inline void to_right_factors(float*, int, int) {}
#ifdef HSCONAS_BF16_PRODUCTS
template <>
inline void to_right_factors<Bf16>(float* rows, int depth, int columns) {
  // Two rows take the room of one: what is written has been read.
  for (int k = 0; k < depth; k += 2) {
    const float* from = rows + Index{k} * columns;
    Bf16* to = reinterpret_cast<Bf16*>(rows) + Index{k} * columns;
    for (int c = 0; c < columns; c += kLanes) {
      store_pairs(to + 2 * c, load(from + c), load(from + columns + c));
    }
  }
}
#endif

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
  // Not in place: GCC 12 would keep sums in memory that `take` may look at.
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

/// a [rows][depth] * b [depth][columns]; rows a multiple of kRows, columns of kLanes, depth filled
/// up with zeros to a multiple of Factors<W>::kStep. For vectors of columns,
/// `takes.at<kVectors>(column)` is handed (row, tile) after tile.
template <typename W, typename Takes>
inline void product(const LeftMatrix<W>& a, const RightMatrix<W>& b, int rows, int depth,
                    const Takes& takes) {
  for (int column = 0; column < b.columns;) {
    const int vectors = (b.columns - column) / kLanes;
    // Four are two and two: a lone vector would leave the registers idle.
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

/// c [depth][columns] += transposed a [rows][depth] * b [rows][columns]; depth and columns padded.
/// Both factors hold Factors<W>::kStep rows side by side, filled up with zeros.
template <typename W>
inline void add_outer(const W* a, const RightMatrix<W>& b, int rows, int depth, float* c) {
  for (int column = 0; column < b.columns;) {
    const int vectors = (b.columns - column) / kLanes;
    const int step = vectors == 1 ? 1 : vectors == 2 || vectors == 4 ? 2 : kMostVectors;
    const RightMatrix<W> right{b.values + column * Factors<W>::kStep, b.columns};
    for (int k = 0; k < depth; k += kRows) {
      const W* left = a + k * Factors<W>::kStep;
      float* to = c + Index{k} * b.columns + column;
      if (step == 1) {
        outer_tile<1>(left, depth, right, rows, to);
      } else if (step == 2) {
        outer_tile<2>(left, depth, right, rows, to);
      } else {
        outer_tile<kMostVectors>(left, depth, right, rows, to);
      }
    }
    column += step * kLanes;
  }
}

}  // namespace

}  // namespace hsconas
