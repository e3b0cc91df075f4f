#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "depthwise.hpp"
#include "hsconas/base/error.hpp"

// What the depthwise kernels share: how images are cut into tiles, and how a tile is brought into
// shared memory.

namespace hsconas::cuda {

constexpr int kDepthwiseThreads = 256;

/// Shared memory of a block: what every GPU since sm_75 can give, less a little for static data.
constexpr int kDepthwiseShared = 63 * 1024;

/// Numbers per channel in shared memory, besides weights: the terms of batch norms.
constexpr int kDepthwiseTerms = 5;

/// A group of neighbouring channels fills a warp.
constexpr int kMaxGroup = 32;

constexpr int divided_up(int a, int b) {
  return (a + b - 1) / b;
}

/// How one kernel computes. A thread computes units of columns x rows neighbouring pixels of one
/// channel; n pixels in a row need n * multiply / divide + extra neighbours in a row of the images
/// that they are computed from.
struct DepthwiseUnit {
  int columns;
  int rows;
  int multiply;
  int divide;
  int extra;
  int taps;     ///< Multiplications per pixel, about.
  int staging;  ///< Instructions per staged value, about.
  int blocks;   ///< Blocks that run at once on one multiprocessor: registers allow that many.

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
/// whether a tap meets an output depends on whether row and column are even, so units begin at even
/// ones.
template <int K, int S>
struct BackwardShape {
  static constexpr int kPad = K / 2;
  static constexpr int kColumns = S == 1 ? 7 : 6;
  static constexpr int kRows = 2;
  /// The first output that pixel 0 takes part in, and how many outputs more than pixels / S follow.
  static constexpr int kFirst = S == 1 ? -kPad : -(kPad / 2);
  static constexpr int kExtra = S == 1 ? K - 1 : (1 + kPad) / 2 + kPad / 2;
  static constexpr int kTaps = 2 * K * K / (S * S);
  static constexpr int kBlocks = K < 5 ? 3 : 2;
  static constexpr DepthwiseUnit kUnit = {kColumns, kRows, 1, S, kExtra, kTaps, 8, kBlocks};
  static constexpr int kSourceColumns = kUnit.source(kColumns);
  static constexpr int kSourceRows = kUnit.source(kRows);

  /// The output, from the first one staged for the unit, that pixel `at` meets at `tap`; -1: none.
  static constexpr int output(int at, int tap) {
    return (at + kPad - tap) % S != 0 ? -1 : (at + kPad - tap) / S - kFirst;
  }
};

/// Calls `visit(kernel, stride)` with both as constants.
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

/// How images are cut. A block takes the channels of one group, and tiles one after the other; a
/// tile is a rectangle of an image, or several whole images where they are small.
struct DepthwiseTiles {
  int group = 0;   ///< Channels of a group; the last one may have fewer.
  int groups = 0;  ///< Blocks of the grid along y.
  int images = 0;  ///< Images of a tile; its units per image along x and y:
  int strips = 0;
  int bands = 0;
  int source_columns = 0;  ///< Staged pixels per image.
  int source_rows = 0;
  int across = 0;  ///< Tiles per image.
  int down = 0;
  int tiles = 0;   ///< In all.
  int blocks = 0;  ///< Blocks of the grid along x.
  int shared_bytes = 0;
};

/// Groups of nearly equal size, none wider than kMaxGroup.
inline int depthwise_group(int channels) {
  const int units = channels / kChannelUnit;
  const int groups = divided_up(units, kMaxGroup / kChannelUnit);
  return divided_up(units, groups) * kChannelUnit;
}

/// The cheapest way to cut `images` images of `size` pixels a side, by an estimate of the
/// instructions on the busiest multiprocessor. `kernel` squared weights lie in shared memory too.
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
      // The sums over a block's threads take turns in the memory of the tile.
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

/// One tile: where its source begins, and the images it has.
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

/// The channel and the first unit of a thread.
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

/// One unit of a tile.
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
/// images. `source.load(pixel, octet)` reads eight channels of a pixel, counted from the first one
/// of the tile's first image; `source.value(raw, octet)` makes fp32 of them. A thread keeps to one
/// column, so that little is to be computed per load.
template <typename Source>
HSCONAS_DEVICE void stage_tile(const Source& source, const DepthwiseTiles& tiles, int images,
                               int top, int left, int size, int width, int thread, float* tile) {
  constexpr int kBatch = 64 / sizeof(typename Source::Raw);  // Loads in flight: 64 bytes.
  const int octets = width / 8;
  const int items = tiles.source_columns * octets;  // Of a line, a row of one image.
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
