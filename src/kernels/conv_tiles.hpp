#pragma once

// Matrix products of Bf16 with the tile registers of AMX. Included by conv_products.hpp for
// processors that have them.

namespace hsconas {

namespace {

constexpr int kTileRows = Factors<Bf16>::kRowBlock;
constexpr int kTileDepth = 2 * Factors<Bf16>::kDepthBlock;

/// Completes stores to the memory behind `p`. GCC 12 does not know that loads of tiles and shapes
/// read it.
inline void finish_stores(const void* p) {
  asm volatile("" : : "r"(p) : "memory");
}

/// Shapes the tile registers while it lives: 0 to 2 hold sums, 3 a left and 4 a right factor, and
/// 5 and 6 those for the last half of kTileDepth. The shapes are part of a thread's state, and
/// other libraries shape the registers, too.
template <>
class ProductScope<Bf16> {
 public:
  ProductScope() {
    for (int tile = 0; tile < 7; ++tile) {
      shapes_.row_bytes[tile] = 64;
      shapes_.rows[tile] = kTileRows;
    }
    shapes_.row_bytes[5] = 32;
    shapes_.rows[6] = kTileRows / 2;
    finish_stores(&shapes_);
    _tile_loadconfig(&shapes_);
  }
  ~ProductScope() { _tile_release(); }
  ProductScope(const ProductScope&) = delete;
  ProductScope& operator=(const ProductScope&) = delete;

 private:
  /// The memory layout that the processor prescribes.
  struct alignas(64) Shapes {
    std::uint8_t palette = 1;
    std::uint8_t start_row = 0;
    std::uint8_t reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  };
  Shapes shapes_;
};

/// Adds products of kTileRows rows at `left` and kVectors vectors of columns at `right` to the
/// sums. The names of tile registers must be literals.
template <int kVectors>
inline void multiply_tiles(const Bf16* left, Index left_stride, const Bf16* right, int columns,
                           int depth) {
  constexpr int kRight = 2 * kLanes;  // Values between two vectors of columns.
  const Index left_bytes = left_stride * Index{sizeof(Bf16)};
  const Index right_bytes = Index{columns} * 2 * Index{sizeof(Bf16)};
  int k = 0;
  for (; depth - k > kTileDepth / 2; k += kTileDepth) {
    const Bf16* at = right + Index{k} * columns;
    _tile_loadd(3, left + k, left_bytes);
    _tile_loadd(4, at, right_bytes);
    _tile_dpbf16ps(0, 3, 4);
    if constexpr (kVectors > 1) {
      _tile_loadd(4, at + kRight, right_bytes);
      _tile_dpbf16ps(1, 3, 4);
    }
    if constexpr (kVectors > 2) {
      _tile_loadd(4, at + 2 * kRight, right_bytes);
      _tile_dpbf16ps(2, 3, 4);
    }
  }
  if (k >= depth) return;
  const Bf16* at = right + Index{k} * columns;
  _tile_loadd(5, left + k, left_bytes);
  _tile_loadd(6, at, right_bytes);
  _tile_dpbf16ps(0, 5, 6);
  if constexpr (kVectors > 1) {
    _tile_loadd(6, at + kRight, right_bytes);
    _tile_dpbf16ps(1, 5, 6);
  }
  if constexpr (kVectors > 2) {
    _tile_loadd(6, at + 2 * kRight, right_bytes);
    _tile_dpbf16ps(2, 5, 6);
  }
}

template <int kVectors>
inline void zero_tiles() {
  _tile_zero(0);
  if constexpr (kVectors > 1) _tile_zero(1);
  if constexpr (kVectors > 2) _tile_zero(2);
}
template <int kVectors>
inline void load_tiles(const float* from, Index row_bytes) {
  _tile_loadd(0, from, row_bytes);
  if constexpr (kVectors > 1) _tile_loadd(1, from + kLanes, row_bytes);
  if constexpr (kVectors > 2) _tile_loadd(2, from + 2 * kLanes, row_bytes);
}
template <int kVectors>
inline void store_tiles(float* to, Index row_bytes) {
  _tile_stored(0, to, row_bytes);
  if constexpr (kVectors > 1) _tile_stored(1, to + kLanes, row_bytes);
  if constexpr (kVectors > 2) _tile_stored(2, to + 2 * kLanes, row_bytes);
}

template <int kVectors, typename Takes>
inline void product_rows(const LeftMatrix<Bf16>& a, const RightMatrix<Bf16>& b, int rows, int depth,
                         int column, const Takes& takes) {
  constexpr int kWidth = kVectors * kLanes;
  auto take = takes.template at<kVectors>(column);
  alignas(64) float sums[kTileRows * kWidth];
  finish_stores(a.values);
  for (int row = 0; row < rows; row += kTileRows) {
    zero_tiles<kVectors>();
    multiply_tiles<kVectors>(a.values + row * a.stride, a.stride, b.values + 2 * column, b.columns,
                             depth);
    store_tiles<kVectors>(sums, kWidth * Index{sizeof(float)});
    for (int part = row; part < smaller(row + kTileRows, rows); part += kRows) {
      Tile<kVectors> tile;
      for (int r = 0; r < kRows; ++r) {
        const float* from = sums + (part - row + r) * kWidth;
        for (int v = 0; v < kVectors; ++v) tile[r][v] = load(from + v * kLanes);
      }
      take(part, tile);
    }
  }
}

template <int kVectors>
inline void outer_rows(const LeftMatrix<Bf16>& a, const RightMatrix<Bf16>& b, int rows, int depth,
                       int column, float* c) {
  const Index row_bytes = Index{b.columns} * Index{sizeof(float)};
  finish_stores(a.values);
  for (int k = 0; k < depth; k += kTileRows) {
    float* to = c + Index{k} * b.columns + column;
    load_tiles<kVectors>(to, row_bytes);
    multiply_tiles<kVectors>(a.values + k * a.stride, a.stride, b.values + 2 * column, b.columns,
                             rows);
    store_tiles<kVectors>(to, row_bytes);
  }
}

/// Transposes a matrix of 16 x 16 numbers of 32 bits.
inline void transpose(__m512i (&rows)[kLanes]) {
  __m512i twos[kLanes];
  for (int i = 0; i < kLanes; i += 2) {
    twos[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    twos[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  // fours[i + j] holds columns j, 4 + j, 8 + j and 12 + j of rows i to i + 3.
  __m512i fours[kLanes];
  for (int i = 0; i < kLanes; i += 4) {
    for (int half = 0; half < 2; ++half) {
      fours[i + 2 * half] = _mm512_unpacklo_epi64(twos[i + half], twos[i + 2 + half]);
      fours[i + 2 * half + 1] = _mm512_unpackhi_epi64(twos[i + half], twos[i + 2 + half]);
    }
  }
  constexpr int kEven = 0x88;  // Columns 0 and 2 of the four of each operand.
  constexpr int kOdd = 0xdd;
  for (int j = 0; j < 4; ++j) {
    const __m512i even = _mm512_shuffle_i32x4(fours[j], fours[4 + j], kEven);
    const __m512i odd = _mm512_shuffle_i32x4(fours[j], fours[4 + j], kOdd);
    const __m512i even_below = _mm512_shuffle_i32x4(fours[8 + j], fours[12 + j], kEven);
    const __m512i odd_below = _mm512_shuffle_i32x4(fours[8 + j], fours[12 + j], kOdd);
    rows[j] = _mm512_shuffle_i32x4(even, even_below, kEven);
    rows[4 + j] = _mm512_shuffle_i32x4(odd, odd_below, kEven);
    rows[8 + j] = _mm512_shuffle_i32x4(even, even_below, kOdd);
    rows[12 + j] = _mm512_shuffle_i32x4(odd, odd_below, kOdd);
  }
}

/// The left factor of add_outer() from floats [rows][depth]: the transposed matrix, at `to` with
/// `stride` values a row. It is filled up with zeros to a multiple of kTileDepth rows of floats.
inline LeftMatrix<Bf16> outer_left(const float* from, int rows, int depth, Bf16* to, int stride) {
  for (int row = 0; row < rows; row += kTileDepth) {
    for (int k = 0; k < depth; k += kLanes) {
      const auto at = [&](int r) { return r < rows ? load(from + Index{r} * depth + k) : Vec{}; };
      __m512i block[kLanes];
      for (int i = 0; i < kLanes; ++i) block[i] = pairs(at(row + 2 * i), at(row + 2 * i + 1));
      transpose(block);
      for (int i = 0; i < kLanes; ++i) {
        _mm512_storeu_si512(to + Index{k + i} * stride + row, block[i]);
      }
    }
  }
  return {to, stride};
}

}  // namespace

}  // namespace hsconas
