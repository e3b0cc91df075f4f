#pragma once

// Gradients of dense convolutions. Included once for each instruction set.
#include "conv_dense.hpp"

namespace hsconas {

namespace {

/// Sums of g and of g * y for the batch norm in front of a convolution, see NormGradient.
struct GradientSums {
  Vec sum{};
  Vec along{};
};

/// Writes the tiles of a product to the gradient of a convolution's input.
template <typename T>
struct FinishGradients {
  const ConvBackward<T>& b;
  int channels;
  const float* windows;  ///< The convolution's activated input.
  int stride;
  GradientSums* sums;  ///< One per vector of channels.
  Index pixel;
  int rows;  ///< Further rows of a tile are padding.

  template <int kVectors>
  struct Columns {
    ChannelLanes lanes[kVectors];
    Channels<T> to;
    bool accumulate;
    bool relu;
    const float* windows;
    int stride;
    GradientSums* sums;
    Index pixel;
    int rows;

    void operator()(int row, const Tile<kVectors>& tile) const {
      for (int v = 0; v < kVectors; ++v) {
        GradientSums own = sums[v];
        for (int r = 0; r < kRows; ++r) {
          if (row + r >= rows) continue;
          const Vec y = load(windows + Index{row + r} * stride + v * kLanes);
          Vec g = tile[r][v];
          own.along += g * y;
          own.sum += relu ? where_positive(y, g) : g;
          T* p = to.data + (pixel + row + r) * to.pixel_stride;
          if (accumulate) g += lanes[v].load(p);
          lanes[v].will_store(p);
          lanes[v].store(p, g);
        }
        sums[v] = own;
      }
    }
  };

  template <int kVectors>
  Columns<kVectors> at(int column) const {
    Columns<kVectors> columns{.lanes = {},
                              .to = b.in_gradient,
                              .accumulate = b.accumulate,
                              .relu = b.in_activation.relu,
                              .windows = windows + column,
                              .stride = stride,
                              .sums = sums + column / kLanes,
                              .pixel = pixel,
                              .rows = rows};
    for (int v = 0; v < kVectors; ++v) {
      columns.lanes[v] = ChannelLanes(b.in_gradient, column + v * kLanes, channels);
    }
    return columns;
  }
};

/// A tile of pixels in scratch memory, in the form that the backward products with factors W need.
template <typename W>
struct BackwardTile {
  const DenseSizes& sizes;
  float* windows;   ///< Windows of the input, [tile][padded depth].
  float* gradient;  ///< Gradient at the output, [tile][padded out].
  float* behind;    ///< The rest of the scratch memory.

  BackwardTile(const DenseSizes& of, float* scratch)
      : sizes(of),
        windows(scratch),
        gradient(windows + Index{of.tile} * of.padded_depth),
        behind(gradient + Index{of.tile} * of.padded_out) {}

  /// Stores the gradient of rows `row` and `row` + 1.
  void put(int row, int c, Vec first, Vec second) const {
    store(gradient + Index{row} * sizes.padded_out + c, first);
    store(gradient + Index{row + 1} * sizes.padded_out + c, second);
  }
  void clear_gradient(int row, int end) const {
    zero(gradient + Index{row} * sizes.padded_out, Index{end - row} * sizes.padded_out);
  }
  /// The first `rows` of windows, and the gradient, in the layout of add_outer().
  const float* windows_in_turn(int /*rows*/) const { return windows; }
  RightMatrix<float> gradient_in_turn() const { return {gradient, sizes.padded_out}; }
  /// The gradient in the layout of product().
  LeftMatrix<float> gradient_rows() const { return {gradient, sizes.padded_out}; }
};

#ifdef HSCONAS_BF16_PRODUCTS
template <>
struct BackwardTile<Bf16> {
  const DenseSizes& sizes;
  float* windows;
  Bf16* window_factors;
  Bf16* gradient;
  Bf16* gradient_pairs;  ///< Pairs of rows, their values interleaved.
  float* behind;

  BackwardTile(const DenseSizes& of, float* scratch)
      : sizes(of),
        windows(scratch),
        window_factors(reinterpret_cast<Bf16*>(windows + Index{of.tile} * of.padded_depth)),
        gradient(window_factors + Index{of.tile} * of.padded_depth),
        gradient_pairs(gradient + Index{of.tile} * of.padded_out),
        behind(reinterpret_cast<float*>(gradient_pairs + Index{of.tile} * of.padded_out)) {}

  void put(int row, int c, Vec first, Vec second) const {
    store(gradient + Index{row} * sizes.padded_out + c, first);
    store(gradient + Index{row + 1} * sizes.padded_out + c, second);
    store_pairs(gradient_pairs + Index{row} * sizes.padded_out + 2 * c, first, second);
  }
  void clear_gradient(int row, int end) const {
    zero(gradient + Index{row} * sizes.padded_out, Index{end - row} * sizes.padded_out);
    const int even = whole_blocks(row, Factors<Bf16>::kStep);
    const int block_end = whole_blocks(row, Factors<Bf16>::kDepthBlock);
    zero(gradient_pairs + Index{even} * sizes.padded_out,
         Index{block_end - even} * sizes.padded_out);
  }
  auto windows_in_turn(int rows) const {
    return outer_left(windows, rows, sizes.padded_depth, window_factors, sizes.tile);
  }
  RightMatrix<Bf16> gradient_in_turn() const { return {gradient_pairs, sizes.padded_out}; }
  LeftMatrix<Bf16> gradient_rows() const { return {gradient, sizes.padded_out}; }
};
#endif

template <typename T, typename W>
inline void dense_backward(const ConvGeometry& s, const ConvBackward<T>& b, Index first, Index last,
                           float* scratch) {
  [[maybe_unused]] const ProductScope<W> scope{};
  const DenseSizes sizes = dense_sizes(s);
  const BackwardTile<W> tile(sizes, scratch);
  auto* sums = reinterpret_cast<GradientSums*>(tile.behind);
  const Channels<const T> z{b.out, s.out_channels, 1};
  const Index end = last * s.out_pixels();
  for (Index pixel = first * s.out_pixels(); pixel < end; pixel += sizes.tile) {
    const int rows = end - pixel < sizes.tile ? static_cast<int>(end - pixel) : sizes.tile;
    const int full_rows = (rows + kRows - 1) / kRows * kRows;
    load_windows(s, sizes, b.in, b.in_activation, pixel, rows, tile.windows);
    // Few rows at a time, so that they stay in the L1 cache while all channels are processed.
    for (int block = 0; block < rows; block += kRows) {
      const int end_row = smaller(block + kRows, rows);
      for (int c = 0; c < s.out_channels; c += kLanes) {
        const LaneGradient out_gradient(b.out_activation, b.norm, c);
        const ChannelLanes z_lanes(z, c, s.out_channels);
        const ChannelLanes g_lanes(b.gradient, c, s.out_channels);
        const auto at = [&](int r) {
          return out_gradient(
              z_lanes.stream(z.data + (pixel + r) * z.pixel_stride),
              g_lanes.stream(b.gradient.data + (pixel + r) * b.gradient.pixel_stride));
        };
        for (int r = block; r < end_row; r += 2) {
          tile.put(r, c, at(r), r + 1 < end_row ? at(r + 1) : Vec{});
        }
      }
    }
    tile.clear_gradient(rows, full_rows);
    add_outer(tile.windows_in_turn(rows), tile.gradient_in_turn(), rows, sizes.padded_depth,
              b.weight_gradient);
    if (b.weights == nullptr) continue;
    for (int c = 0; c < s.in_channels; c += kLanes) sums[c / kLanes] = {};
    product(
        tile.gradient_rows(), Operands<T, W>::weights(b.weights, sizes.padded_depth), full_rows,
        s.out_channels,
        FinishGradients<T>{b, s.in_channels, tile.windows, sizes.padded_depth, sums, pixel, rows});
    if (b.in_sum == nullptr) continue;
    for (int c = 0; c < s.in_channels; c += kLanes) {
      add_lanes(sums[c / kLanes].sum, c, s.in_channels, b.in_sum);
      add_lanes(sums[c / kLanes].along, c, s.in_channels, b.in_along);
    }
  }
}

}  // namespace

}  // namespace hsconas
