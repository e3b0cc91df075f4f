#pragma once

// Dense convolutions, as products of a matrix of windows, one row per output pixel, and the
// weights. Included once for each instruction set.
#include "conv_norms.hpp"
#include "conv_products.hpp"

namespace hsconas {

namespace {

// A tile of pixels, input and output, takes 64 KiB of the second-level cache if row limits allow.
constexpr int kTileFloats = 16384;
constexpr int kFewestTileRows = 64;  // Weights are then read once for many pixels.
constexpr int kMostTileRows = 256;
// The rows of a tile of pixels are the depth of add_outer().
constexpr int kTileRowStep = kHasTiles ? 32 : kRows;

struct DenseSizes {
  int depth;  // Values of a window, indexed by (ky * kernel + kx) * in_channels + c.
  int padded_depth;
  int padded_out;
  int tile;  // Pixels per tile.
};

inline DenseSizes dense_sizes(const ConvGeometry& s) {
  DenseSizes sizes{
      .depth = s.in_channels * s.taps(), .padded_depth = 0, .padded_out = 0, .tile = 0};
  sizes.padded_depth = padded(sizes.depth);
  sizes.padded_out = padded(s.out_channels);
  const int rows = kTileFloats / (sizes.padded_depth + sizes.padded_out);
  sizes.tile = smaller(rows / kTileRowStep * kTileRowStep, kMostTileRows);
  if (sizes.tile < kFewestTileRows) sizes.tile = kFewestTileRows;
  return sizes;
}

/// Whether windows are the pixels themselves, in the same order.
constexpr bool is_pixel(const ConvGeometry& s) {
  return s.kernel == 1 && s.stride == 1;
}

/// Stores rows of activations as W; a `Take` for read_pixels().
template <typename W>
struct StoreRows {
  W* to;
  int stride;

  struct Row {};
  void see(Row&, int row, int c, Vec v) const { store(to + Index{row} * stride + c, v); }
  void end(const Row&, int) const {}
};

/// kGroup rows of read_pixels().
template <int kGroup, typename T, typename Take>
inline void read_group(const ConvGeometry& s, Channels<const T> in, const Activation& activation,
                       Index pixel, int row, Take& take) {
  const int whole = s.in_channels / kLanes * kLanes;
  const ChannelLanes full(in, 0, kLanes);
  const T* from = in.data + (pixel + row) * in.pixel_stride;
  typename Take::Row seen[kGroup] = {};
  const auto read = [&](const ChannelLanes& lanes, const T* p, int c) {
    const LaneActivation activated(activation, c);
    for (int r = 0; r < kGroup; ++r) {
      take.see(seen[r], row + r, c, activated(lanes.stream(p + r * in.pixel_stride)));
    }
  };
  for (int c = 0; c < whole; c += kLanes) read(full, from + Index{c} * in.channel_stride, c);
  if (whole < s.in_channels) read(ChannelLanes(in, whole, s.in_channels), from, whole);
  for (int r = 0; r < kGroup; ++r) take.end(seen[r], row + r);
}

/// Reads the channels of `rows` pixels from `pixel` on, as a 1x1 convolution does. For every vector
/// of values it calls take.see(state, row, channel, values), and at the end of a row
/// take.end(state, row), with a Take::Row per row as state.
template <typename T, typename Take>
inline void read_pixels(const ConvGeometry& s, Channels<const T> in, const Activation& activation,
                        Index pixel, int rows, Take take) {
  constexpr int kGroup = 4;  // Rows that share the loads of the activation's factors.
  int row = 0;
  for (; row + kGroup <= rows; row += kGroup) {
    read_group<kGroup>(s, in, activation, pixel, row, take);
  }
  for (; row < rows; ++row) read_group<1>(s, in, activation, pixel, row, take);
}

/// Copies `values` adjacent values as floats.
template <typename T>
inline void copy_run(const T* from, int values, float* to) {
  for (int k = 0; k < values; k += kLanes) {
    const ChannelLanes lanes(Channels<const T>{from, 0, 1}, k, values);
    lanes.store(to, lanes.load(from));
  }
}

/// Writes the windows of `rows` output pixels from `pixel` on, and rows of zeros up to a multiple
/// of kRows.
template <typename T>
inline void load_windows(const ConvGeometry& s, const DenseSizes& sizes, Channels<const T> in,
                         const Activation& activation, Index pixel, int rows, float* to) {
  const int stride = sizes.padded_depth;
  if (is_pixel(s)) {
    read_pixels(s, in, activation, pixel, rows, StoreRows<float>{to, stride});
  } else {
    const int out_size = s.out_size();
    const int pad = s.kernel / 2;
    const int run = s.kernel * s.in_channels;
    const bool is_packed = in.channel_stride == 1 && in.pixel_stride == s.in_channels &&
                           activation.scale == nullptr && !activation.relu;
    const int place = static_cast<int>(pixel % s.out_pixels());
    int out_y = place / out_size;
    int out_x = place % out_size;
    const T* image = in.data + pixel / s.out_pixels() * s.in_pixels() * in.pixel_stride;
    for (int r = 0; r < rows; ++r) {
      float* row = to + Index{r} * stride;
      for (int k = 0; k < stride; k += kLanes) store(row + k, Vec{});
      const int left = out_x * s.stride - pad;
      const int first = left < 0 ? -left : 0;  // [first, last) are the columns within the image.
      const int last = smaller(s.kernel, s.in_size - left);
      for (int ky = 0; ky < s.kernel; ++ky) {
        const int y = out_y * s.stride - pad + ky;
        if (y < 0 || y >= s.in_size) continue;
        for (int kx = first; kx < last; ++kx) {
          const T* from = image + (Index{y} * s.in_size + left + kx) * in.pixel_stride;
          float* window = row + ky * run + kx * s.in_channels;
          if (is_packed) {  // The rest of this row is contiguous.
            copy_run(from, (last - kx) * s.in_channels, window);
            break;
          }
          for (int c = 0; c < s.in_channels; ++c) {
            float value = to_float(from[Index{c} * in.channel_stride]);
            if (activation.scale != nullptr) {
              value = value * activation.scale[c] + activation.shift[c];
            }
            window[c] = activation.relu && !(value > 0.0F) ? 0.0F : value;
          }
        }
      }
      if (++out_x < out_size) continue;
      out_x = 0;
      if (++out_y < out_size) continue;
      out_y = 0;
      image += s.in_pixels() * in.pixel_stride;
    }
  }
  for (int r = rows; r % kRows != 0; ++r) zero(to + Index{r} * stride, stride);
}

/// The operands of products with factors W and activations T: windows() converts those of
/// load_windows() in scratch memory, weights() reads what pack() wrote.
template <typename T, typename W>
struct Operands {
  static LeftMatrix<float> windows(const ConvGeometry& s, const DenseSizes& sizes,
                                   Channels<const T> in, const Activation& activation, Index pixel,
                                   int rows, float* scratch) {
    load_windows(s, sizes, in, activation, pixel, rows, scratch);
    return {scratch, sizes.padded_depth};
  }
  static RightMatrix<float> weights(const float* packed, int columns) { return {packed, columns}; }
};

#ifdef HSCONAS_BF16_PRODUCTS
template <>
struct Operands<Bf16, Bf16> {
  /// The scratch memory holds the windows and, behind them, the floats of a few rows.
  static LeftMatrix<Bf16> windows(const ConvGeometry& s, const DenseSizes& sizes,
                                  Channels<const Bf16> in, const Activation& activation,
                                  Index pixel, int rows, float* scratch) {
    const int depth = sizes.padded_depth;
    auto* rounded = reinterpret_cast<Bf16*>(scratch);
    if (is_pixel(s)) {
      read_pixels(s, in, activation, pixel, rows, StoreRows<Bf16>{rounded, depth});
      for (int r = rows; r % kRows != 0; ++r) zero(rounded + Index{r} * depth, depth);
      return {rounded, depth};
    }
    float* floats = scratch + Index{sizes.tile} * depth / 2;
    for (int block = 0; block < rows; block += kRows) {
      load_windows(s, sizes, in, activation, pixel + block, smaller(rows - block, kRows), floats);
      for (int k = 0; k < kRows * depth; k += kLanes) {
        store(rounded + Index{block} * depth + k, load(floats + k));
      }
    }
    return {rounded, depth};
  }
  static RightMatrix<Bf16> weights(const float* packed, int columns) {
    return {reinterpret_cast<const Bf16*>(packed), columns};
  }
};
#endif

#ifdef HSCONAS_FIXED_PRODUCTS
/// Stores rows, and finds the largest magnitude of each.
struct StoreAndCompare : StoreRows<float> {
  RowMaxima& most;

  using Row = RowMaxima::Row;
  void see(Row& seen, int row, int c, Vec v) const {
    store(to + Index{row} * stride + c, v);
    seen.see(v);
  }
  void end(const Row& seen, int row) const { most.end(seen, row); }
};

template <>
struct Operands<Half, Fixed> {
  /// The scratch memory holds the windows, then the floats of a few rows, then the quantisation
  /// steps of all rows.
  static LeftMatrix<Fixed> windows(const ConvGeometry& s, const DenseSizes& sizes,
                                   Channels<const Half> in, const Activation& activation,
                                   Index pixel, int rows, float* scratch) {
    const int depth = sizes.padded_depth;
    auto* fixed = reinterpret_cast<Fixed*>(scratch);
    float* floats = scratch + Index{sizes.tile} * depth / 2;
    float* units = floats + Index{kRows} * depth;
    for (int block = 0; block < rows; block += kRows) {
      const int count = smaller(rows - block, kRows);
      RowMaxima most;
      if (is_pixel(s)) {
        read_pixels(s, in, activation, pixel + block, count,
                    StoreAndCompare{{floats, depth}, most});
        if (count < kRows) zero(floats + Index{count} * depth, Index{kRows - count} * depth);
        for (int r = count; r < kRows; ++r) most.end({}, r);
      } else {
        load_windows(s, sizes, in, activation, pixel + block, count, floats);
        for (int r = 0; r < kRows; ++r) {
          RowMaxima::Row seen;
          for (int c = 0; c < depth; c += kLanes) seen.see(load(floats + Index{r} * depth + c));
          most.end(seen, r);
        }
      }
      to_fixed(floats, depth, most, fixed + Index{block} * depth, units + block);
    }
    return {fixed, depth, units};
  }
  /// The factors lie behind the quantisation steps of the columns.
  static RightMatrix<Fixed> weights(const float* packed, int columns) {
    return {reinterpret_cast<const Fixed*>(packed + columns), columns, packed};
  }
};
#endif

/// Whether activations T can be used as factors W without conversion.
template <typename T, typename W>
constexpr bool kIsFactor = false;
template <typename T>
constexpr bool kIsFactor<T, T> = true;

/// Writes the tiles of a product to the convolution's output.
template <typename T, bool kMoments>
struct FinishTiles {
  const ConvForward<T>& f;
  int channels;
  Sums* sums;  ///< One per vector of channels.
  Index pixel;
  int rows;  ///< Further rows of a tile are padding.

  template <int kVectors>
  struct Columns {
    Finish<T, kMoments> finish[kVectors];
    Sums* sums;
    Index pixel;
    int rows;

    void operator()(int row, const Tile<kVectors>& tile) const {
      for (int v = 0; v < kVectors; ++v) {
        Sums own = kMoments ? sums[v] : Sums{};
        // Not a loop up to rows - row: a variable index would force the tile into memory.
        for (int r = 0; r < kRows; ++r) {
          if (row + r < rows) finish[v](pixel + row + r, tile[r][v], own);
        }
        if (kMoments) sums[v] = own;
      }
    }
  };

  template <int kVectors>
  Columns<kVectors> at(int column) const {
    Columns<kVectors> columns{
        .finish = {}, .sums = sums + column / kLanes, .pixel = pixel, .rows = rows};
    for (int v = 0; v < kVectors; ++v) {
      columns.finish[v] = Finish<T, kMoments>(f, column + v * kLanes, channels);
    }
    return columns;
  }
};

/// Uses the first row of a tile as pivots of the sums.
struct PivotTiles {
  Sums* sums;

  template <int kVectors>
  auto at(int column) const {
    return [own = sums + column / kLanes](int, const Tile<kVectors>& tile) {
      for (int v = 0; v < kVectors; ++v) own[v] = {.pivot = tile[0][v]};
    };
  }
};

template <typename T, typename W, bool kMoments>
inline void dense_forward(const ConvGeometry& s, const ConvForward<T>& f, Index first, Index last,
                          float* scratch) {
  [[maybe_unused]] const ProductScope<W> scope{};
  const DenseSizes sizes = dense_sizes(s);
  const auto weights = Operands<T, W>::weights(f.weights, sizes.padded_out);
  const auto windows = [&](Index pixel, int rows) {
    return Operands<T, W>::windows(s, sizes, f.in, f.in_activation, pixel, rows, scratch);
  };
  auto* sums = reinterpret_cast<Sums*>(scratch + Index{sizes.tile} * sizes.padded_depth);
  // Pixels that need no conversion are not copied first, except for the last few.
  const bool in_place = kIsFactor<T, W> && s.kernel == 1 && s.stride == 1 &&
                        s.in_channels % Factors<W>::kDepthBlock == 0 && f.in.channel_stride == 1 &&
                        f.in_activation.scale == nullptr && !f.in_activation.relu;
  const Index begin = first * s.out_pixels();
  const Index end = last * s.out_pixels();
  const auto multiply = [&](const LeftMatrix<W>& a, Index pixel, int rows) {
    product(a, weights, (rows + kRows - 1) / kRows * kRows, sizes.depth,
            FinishTiles<T, kMoments>{f, s.out_channels, sums, pixel, rows});
  };
  Index added = 0;
  for (Index pixel = begin; pixel < end; pixel += sizes.tile) {
    const int rows = end - pixel < sizes.tile ? static_cast<int>(end - pixel) : sizes.tile;
    if (kMoments && pixel == begin) {
      // The output of the first pixel becomes the pivot.
      product(windows(pixel, smaller(rows, kRows)), weights, kRows, sizes.depth, PivotTiles{sums});
    }
    const int read_in_place = in_place ? rows / Factors<W>::kRowBlock * Factors<W>::kRowBlock : 0;
    if (read_in_place > 0) {
      const T* from = f.in.data + pixel * f.in.pixel_stride;
      multiply({reinterpret_cast<const W*>(from), f.in.pixel_stride}, pixel, read_in_place);
    }
    if (read_in_place < rows) {
      const Index rest = pixel + read_in_place;
      multiply(windows(rest, rows - read_in_place), rest, rows - read_in_place);
    }
    if (!kMoments) continue;
    added += rows;
    if (added < kMostAdded && pixel + rows < end) continue;
    for (int c = 0; c < s.out_channels; c += kLanes) {
      pool(sums[c / kLanes], added, pixel + rows - added - begin, c, s.out_channels, f.moments);
    }
    added = 0;
  }
}

}  // namespace

}  // namespace hsconas
