#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "depthwise.hpp"
#include "hsconas/base/error.hpp"

// Common parts of the depthwise kernels: cutting images into tiles, and loading a tile into shared
// memory.

namespace hsconas::cuda {

constexpr int kDepthwiseThreads = 256;

/// Most shared memory of a block: what every GPU since sm_75 has, less a little for static data.
constexpr int kDepthwiseShared = 63 * 1024;

/// Values per channel in shared memory for the factors and terms of batch norms.
constexpr int kDepthwiseTerms = 5;

/// Most channels of a group; this many adjacent channels fill a warp.
constexpr int kMaxGroup = 32;

constexpr int divided_up(int a, int b) {
  return (a + b - 1) / b;
}

/// Shape and cost of a kernel's unit of work. A thread computes units of columns x rows adjacent
/// pixels of one channel; n pixels in a row are computed from n * multiply / divide + extra pixels
/// in a row of the source.
struct DepthwiseUnit {
  int columns;
  int rows;
  int multiply;
  int divide;
  int extra;
  int taps;     ///< Multiplications per pixel, approximately.
  int staging;  ///< Instructions per staged value, approximately.
  int blocks;   ///< Blocks that fit on one multiprocessor at once, by their use of registers.

  constexpr int source(int pixels) const { return pixels * multiply / divide + extra; }
};

template <int K, int S>
struct ForwardShape {
  // Seven columns divide the maps of 224-pixel networks, and an odd number keeps the units of
  // neighbouring threads in different banks of the shared memory.
  static constexpr int kColumns = 7;
  static constexpr int kRows = S == 1 ? 4 : 2;
  static constexpr int kTaps = K * K;
  static constexpr int kBlocks = K < 7 ? 3 : 2;
  static constexpr DepthwiseUnit kUnit = {kColumns, kRows, S, 1, K - S, kTaps, 6, kBlocks};
  static constexpr int kSourceColumns = kUnit.source(kColumns);
  static constexpr int kSourceRows = kUnit.source(kRows);
};

/// The backward pass computes pixels of the input from the gradient of the output. With stride 2,
/// row and column parity decide whether a tap meets an output, so units begin at even pixels.
template <int K, int S>
struct BackwardShape {
  static constexpr int kPad = K / 2;
  static constexpr int kColumns = S == 1 ? 7 : 6;
  static constexpr int kRows = 2;
  /// The first output that pixel 0 contributes to, and the outputs needed beyond pixels / S.
  static constexpr int kFirst = S == 1 ? -kPad : -(kPad / 2);
  static constexpr int kExtra = S == 1 ? K - 1 : (1 + kPad) / 2 + kPad / 2;
  static constexpr int kTaps = 2 * K * K / (S * S);
  static constexpr int kBlocks = K < 5 ? 3 : 2;
  static constexpr DepthwiseUnit kUnit = {kColumns, kRows, 1, S, kExtra, kTaps, 8, kBlocks};
  static constexpr int kSourceColumns = kUnit.source(kColumns);
  static constexpr int kSourceRows = kUnit.source(kRows);

  /// Index of the output, of those staged for the unit, that pixel `at` meets at `tap`; -1: none.
  static constexpr int output(int at, int tap) {
    return (at + kPad - tap) % S != 0 ? -1 : (at + kPad - tap) / S - kFirst;
  }
};

/// Calls `visit(kernel, stride)` with both as compile-time constants.
template <typename Visit>
void for_depthwise(int kernel, int stride, Visit visit) {
  using One = std::integral_constant<int, 1>;
  using Two = std::integral_constant<int, 2>;
  const auto with_kernel = [&](auto k) {
    if (stride == 1) return visit(k, One{});
    if (stride == 2) return visit(k, Two{});
    throw Error(ErrorKind::Internal,
                "stride of a depthwise convolution must be 1 or 2, got " + std::to_string(stride));
  };
  switch (kernel) {
    case 1:
      return with_kernel(One{});
    case 3:
      return with_kernel(std::integral_constant<int, 3>{});
    case 5:
      return with_kernel(std::integral_constant<int, 5>{});
    case 7:
      return with_kernel(std::integral_constant<int, 7>{});
    default:
      throw Error(
          ErrorKind::Internal,
          "kernel of a depthwise convolution must be 1, 3, 5 or 7, got " + std::to_string(kernel));
  }
}

/// How images are cut into tiles. A block processes the channels of one group, tile after tile. A
/// tile is a rectangle of an image, or several whole images if they are small.
struct DepthwiseTiles {
  int group = 0;           ///< Channels of a group; the last group may have fewer.
  int groups = 0;          ///< Blocks of the grid along y.
  int images = 0;          ///< Images of a tile.
  int strips = 0;          ///< Units of a tile per image along x.
  int bands = 0;           ///< Units of a tile per image along y.
  int source_columns = 0;  ///< Staged pixels per image along x.
  int source_rows = 0;     ///< Staged pixels per image along y.
  int across = 0;          ///< Tiles per image along x.
  int down = 0;            ///< Tiles per image along y.
  int tiles = 0;           ///< Number of all tiles.
  int blocks = 0;          ///< Blocks of the grid along x.
  int shared_bytes = 0;
};

/// Channels per group, so that groups have nearly equal sizes of at most kMaxGroup.
inline int depthwise_group(int channels) {
  const int units = channels / kChannelUnit;
  const int groups = divided_up(units, kMaxGroup / kChannelUnit);
  return divided_up(units, groups) * kChannelUnit;
}

/// The cheapest way to cut `images` images of `size` pixels a side, by the estimated number of
/// instructions on the busiest multiprocessor. The kernel x kernel weights of each channel take
/// shared memory too.
inline DepthwiseTiles depthwise_tiles(const DepthwiseUnit& unit, int kernel, int channels,
                                      int images, int size, int multiprocessors) {
  DepthwiseTiles best;
  best.group = depthwise_group(channels);
  best.groups = divided_up(channels, best.group);
  const int most_blocks = unit.blocks * multiprocessors / best.groups;
  const int slots = kDepthwiseThreads / best.group;
  const int strips = divided_up(size, unit.columns);
  const int bands = divided_up(size, unit.rows);
  const std::int64_t constants = (kernel * kernel + kDepthwiseTerms) * best.group;
  std::int64_t least = -1;

  const auto consider = [&](int tile_strips, int tile_bands, int tile_images) {
    DepthwiseTiles t = best;
    t.images = tile_images;
    t.strips = tile_strips;
    t.bands = tile_bands;
    t.source_columns = unit.source(tile_strips * unit.columns);
    t.source_rows = unit.source(tile_bands * unit.rows);
    const std::int64_t staged =
        std::int64_t{t.source_columns} * t.source_rows * tile_images * t.group;
    const std::int64_t bytes = 4 * (constants + staged);
    if (bytes > kDepthwiseShared) return false;
    // A row is staged by all threads at once.
    if (t.source_columns * t.group > kDepthwiseThreads * kChannelUnit) return false;
    t.across = divided_up(strips, tile_strips);
    t.down = divided_up(bands, tile_bands);
    t.tiles = divided_up(images, tile_images) * t.across * t.down;
    t.blocks = most_blocks < 1 ? 1 : most_blocks < t.tiles ? most_blocks : t.tiles;
    const std::int64_t passes = divided_up(tile_strips * tile_bands * tile_images, slots);
    const std::int64_t compute = passes * unit.columns * unit.rows * (unit.taps + 10);
    const std::int64_t cost = staged * unit.staging / 32 + compute * kDepthwiseThreads / 32 + 3000;
    const std::int64_t total = divided_up(t.tiles, t.blocks) * cost;
    if (least < 0 || total < least) {
      least = total;
      best = t;
      // The sums over a block's threads reuse the memory of the tile.
      const int reduction = kDepthwiseThreads * (kernel * 4 > 36 ? kernel * 4 : 36);
      best.shared_bytes = bytes > reduction ? static_cast<int>(bytes) : reduction;
    }
    return true;
  };

  for (int across = 1, last = 0; across <= strips; ++across) {
    const int tile_strips = divided_up(strips, across);
    if (tile_strips == last) continue;
    last = tile_strips;
    for (int down = 1, last_bands = 0; down <= bands; ++down) {
      const int tile_bands = divided_up(bands, down);
      if (tile_bands == last_bands) continue;
      last_bands = tile_bands;
      consider(tile_strips, tile_bands, 1);
    }
  }
  for (int n = 2; n <= images && consider(strips, bands, n); n *= 2) {
  }
  return best;
}

inline DepthwiseTiles forward_tiles(const DepthwiseSize& size) {
  DepthwiseTiles tiles;
  for_depthwise(size.kernel, size.stride, [&](auto k, auto s) {
    const int out_size = (size.in_size + s - 1) / s;
    tiles = depthwise_tiles(ForwardShape<k, s>::kUnit, k, size.channels, size.images, out_size,
                            size.multiprocessors);
  });
  return tiles;
}

inline DepthwiseTiles backward_tiles(const DepthwiseSize& size) {
  DepthwiseTiles tiles;
  for_depthwise(size.kernel, size.stride, [&](auto k, auto s) {
    tiles = depthwise_tiles(BackwardShape<k, s>::kUnit, k, size.channels, size.images, size.in_size,
                            size.multiprocessors);
  });
  return tiles;
}

inline std::int64_t depthwise_parts(const DepthwiseSize& size) {
  const int forward = forward_tiles(size).blocks;
  const int backward = backward_tiles(size).blocks;
  return std::int64_t{forward > backward ? forward : backward} * size.channels;
}

inline int depthwise_weight_parts(const DepthwiseSize& size) {
  return backward_tiles(size).blocks;
}

/// The images and the first unit of one tile.
struct DepthwisePlace {
  int first_image;
  int images;
  int strip;  ///< The first unit of the tile in its image.
  int band;

  HSCONAS_DEVICE DepthwisePlace(const DepthwiseTiles& tiles, int all_images, int index) {
    const int row = index / tiles.across;
    strip = (index - row * tiles.across) * tiles.strips;
    const int image = row / tiles.down;
    band = (row - image * tiles.down) * tiles.bands;
    first_image = image * tiles.images;
    images = all_images - first_image;
    if (images > tiles.images) images = tiles.images;
  }
};

/// The channel of a thread and its place among the threads of that channel.
struct DepthwiseLane {
  int channel;
  int slot;
  int slots;  ///< Threads per channel.

  HSCONAS_DEVICE DepthwiseLane(int thread, int width)
      : channel(thread % width), slot(thread / width), slots(kDepthwiseThreads / width) {}

  HSCONAS_DEVICE bool is_used() const { return slot < slots; }
};

HSCONAS_DEVICE std::int64_t pixels_before(int image, int size) {
  return std::int64_t{image} * (size * size);
}

/// The place of one unit within a tile.
struct DepthwiseUnitPlace {
  int image;
  int band;
  int strip;

  HSCONAS_DEVICE DepthwiseUnitPlace(const DepthwiseTiles& tiles, int unit) {
    const int line = unit / tiles.strips;
    strip = unit - line * tiles.strips;
    image = line / tiles.bands;
    band = line - image * tiles.bands;
  }
};

/// Writes the source of a tile to `tile`, [image][row][column][channel of the group], 0 outside the
/// images. `source.load(pixel, octet)` reads eight channels of a pixel, counted from the first
/// pixel of the tile's first image; `source.value(raw, octet)` converts them to fp32. A thread
/// keeps to one column, so that address computations are few.
template <typename Source>
HSCONAS_DEVICE void stage_tile(const Source& source, const DepthwiseTiles& tiles, int images,
                               int top, int left, int size, int width, int thread, float* tile) {
  constexpr int kBatch = 64 / sizeof(typename Source::Raw);  // 64 bytes of loads in flight.
  const int octets = width / 8;
  const int items = tiles.source_columns * octets;  // Octets of a line, which is a row of an image.
  const int step = kDepthwiseThreads / items;
  int line = thread / items;
  if (line >= step) return;
  const int item = thread - line * items;
  const int column = item / octets;
  const int octet = item - column * octets;
  const int x = left + column;
  const bool in_row = x >= 0 && x < size;

  const int rows = tiles.source_rows;
  const int lines = images * rows;
  int image = line / rows;
  int row = line - image * rows;
  float* to = tile + (line * items + item) * 8;
  while (line < lines) {
    typename Source::Raw raw[kBatch] = {};
    bool inside[kBatch];
    HSCONAS_UNROLL
    for (int i = 0; i < kBatch; ++i) {
      const int y = top + row;
      inside[i] = in_row && y >= 0 && y < size && line + i * step < lines;
      if (inside[i]) raw[i] = source.load((image * size + y) * size + x, octet);
      row += step;
      while (row >= rows) {
        row -= rows;
        ++image;
      }
    }
    HSCONAS_UNROLL
    for (int i = 0; i < kBatch; ++i) {
      if (line < lines) {
        Eight<float> values = {};
        if (inside[i]) values = source.value(raw[i], octet);
        *reinterpret_cast<Eight<float>*>(to) = values;
      }
      line += step;
      to += step * items * 8;
    }
  }
}

/// Writes the weights of a group to `to`, [tap][channel of the group].
HSCONAS_DEVICE void stage_weights(const float* weights, int taps, int channels, int first_channel,
                                  int width, int thread, float* to) {
  for (int i = thread; i < taps * width; i += kDepthwiseThreads) {
    const int tap = i / width;
    to[i] = weights[tap * channels + first_channel + i - tap * width];
  }
}

}  // namespace hsconas::cuda
