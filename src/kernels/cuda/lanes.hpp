#pragma once

#include "values.hpp"

// How kernels that are bound by memory walk over pixels: a thread keeps to eight adjacent channels
// (16 bytes) and has the loads of several pixels in flight at once.
namespace hsconas::cuda {

/// How the threads of a block share pixels and octets (eight adjacent channels).
struct Lanes {
  static constexpr int kThreads = 256;
  static constexpr int kMost = 16;   ///< Most octets of a block.
  static constexpr int kAtOnce = 4;  ///< Pixels of a thread whose loads are in flight at once.

  int octets = 0;  ///< Octets of a pixel.
  int lanes = 0;   ///< Octets of a pixel that one block processes.
  int rows = 0;    ///< Pixels that a block processes side by side.
  int blocks = 0;  ///< Blocks along x, which cover all octets.

  Lanes() = default;
  /// For pixels of `channels` channels, padding included.
  explicit Lanes(int channels) : octets(channels / 8) {
    blocks = (octets + kMost - 1) / kMost;
    lanes = (octets + blocks - 1) / blocks;
    rows = kThreads / lanes;
  }

  /// Enough blocks to fill the device, but not more than leaves several pixels for each thread.
  Grid grid(std::int64_t pixels, int multiprocessors) const {
    const std::int64_t most = (4 * multiprocessors + blocks - 1) / blocks;
    const std::int64_t each = 2 * kAtOnce * rows;
    const std::int64_t wanted = (pixels + each - 1) / each;
    return {blocks, static_cast<int>(wanted < 1 ? 1 : (wanted < most ? wanted : most))};
  }

  HSCONAS_DEVICE int row(int thread) const { return thread / lanes; }
  HSCONAS_DEVICE int octet(int x, int thread) const { return x * lanes + thread % lanes; }
  HSCONAS_DEVICE bool has_work(int x, int thread) const {
    return row(thread) < rows && octet(x, thread) < octets;
  }
  /// Number of channels of block `x`.
  HSCONAS_DEVICE int channels(int x) const {
    const int left = octets - x * lanes;
    return 8 * (left < lanes ? left : lanes);
  }
};

/// Calls use(pixel, load(pixel)) for the pixels of one thread, which lie lanes.rows apart in its
/// block's share. Calls start(pixel) before the first one, if there is any.
template <typename Block, typename Start, typename Load, typename Use>
HSCONAS_DEVICE void for_pixels(const Block& block, const Lanes& lanes, int thread,
                               std::int64_t pixels, Start start, Load load, Use use) {
  const std::int64_t step = std::int64_t{block.blocks_y} * lanes.rows;
  const std::int64_t each = (pixels + step - 1) / step * lanes.rows;
  const std::int64_t first = block.y * each + lanes.row(thread);
  const std::int64_t end = (block.y + 1) * each;
  const std::int64_t last = end < pixels ? end : pixels;
  if (first >= last) return;
  start(first);
  for (std::int64_t p = first; p < last; p += Lanes::kAtOnce * lanes.rows) {
    decltype(load(p)) values[Lanes::kAtOnce];
    HSCONAS_UNROLL
    for (int i = 0; i < Lanes::kAtOnce; ++i) {
      const std::int64_t at = p + i * lanes.rows;
      values[i] = load(at < last ? at : p);
    }
    HSCONAS_UNROLL
    for (int i = 0; i < Lanes::kAtOnce; ++i) {
      const std::int64_t at = p + i * lanes.rows;
      if (at < last) use(at, values[i]);
    }
  }
}

template <typename Block, typename Load, typename Use>
HSCONAS_DEVICE void for_pixels(const Block& block, const Lanes& lanes, int thread,
                               std::int64_t pixels, Load load, Use use) {
  for_pixels(
      block, lanes, thread, pixels, [](std::int64_t) {}, load, use);
}

/// Four adjacent values.
template <typename T>
struct alignas(8) Four {
  T values[4];
};

template <typename T>
HSCONAS_DEVICE Eight<T> load_eight(const T* from) {
  return *reinterpret_cast<const Eight<T>*>(from);
}

}  // namespace hsconas::cuda
