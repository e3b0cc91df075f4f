#pragma once

#include "channel_order.hpp"
#include "moments.hpp"
#include "values.hpp"

// Kernels that pass over activations: a thread keeps one pair of neighbouring channels and walks
// over pixels, so that a warp reads whole rows. Padded channels are written as zeros.
namespace hsconas::cuda {

/// How the threads of a block share pairs of channels and pixels.
struct Lanes {
  static constexpr int kThreads = 256;
  static constexpr int kMost = 64;  ///< Pairs of a block.

  int pairs = 0;   ///< In all.
  int lanes = 0;   ///< Pairs of one block.
  int rows = 0;    ///< Pixels that a block works on at a time.
  int blocks = 0;  ///< Along x, to cover all pairs.

  Lanes() = default;
  /// For rows of `channels` channels in memory.
  explicit Lanes(int channels) : pairs(channels / 2) {
    blocks = (pairs + kMost - 1) / kMost;
    lanes = (pairs + blocks - 1) / blocks;
    rows = kThreads / lanes;
  }

  /// Enough blocks to fill the device, but several pixels for each thread.
  Grid grid(std::int64_t pixels, int multiprocessors) const {
    constexpr int kPixelsEach = 8;
    const std::int64_t most = (8 * multiprocessors + blocks - 1) / blocks;
    const std::int64_t wanted = (pixels + rows * kPixelsEach - 1) / (rows * kPixelsEach);
    return {blocks, static_cast<int>(wanted < 1 ? 1 : (wanted < most ? wanted : most))};
  }

  HSCONAS_DEVICE int lane(int thread) const { return thread % lanes; }
  HSCONAS_DEVICE int row(int thread) const { return thread / lanes; }
  HSCONAS_DEVICE int pair(int x, int thread) const { return x * lanes + lane(thread); }
  HSCONAS_DEVICE bool has_work(int x, int thread) const {
    return row(thread) < rows && pair(x, thread) < pairs;
  }
  /// Channels of the block `x`.
  HSCONAS_DEVICE int channels(int x) const {
    const int left = pairs - x * lanes;
    return 2 * (left < lanes ? left : lanes);
  }
};

/// Runs `f(pixel)` for the pixels of one thread: those of its block's share, `rows` apart.
template <typename Block, typename F>
HSCONAS_DEVICE void for_pixels(const Block& block, const Lanes& lanes, int thread,
                               std::int64_t pixels, F f) {
  const std::int64_t step = std::int64_t{block.blocks_y} * lanes.rows;
  const std::int64_t each = (pixels + step - 1) / step * lanes.rows;
  const std::int64_t first = block.y * each;
  const std::int64_t last = first + each < pixels ? first + each : pixels;
#if defined(__CUDACC__)
#pragma unroll 4
#endif
  for (std::int64_t p = first + lanes.row(thread); p < last; p += lanes.rows) f(p);
}

/// Values of a tensor as their readers see them: after batch norm and ReLU.
template <typename T>
struct Activated {
  const T* data = nullptr;
  std::int64_t stride = 0;  ///< Values from one pixel to the next.
  Norm norm;
  bool relu = false;

  HSCONAS_DEVICE float scale(int m) const { return norm.scale == nullptr ? 1.0F : norm.scale[m]; }
  HSCONAS_DEVICE float shift(int m) const { return norm.scale == nullptr ? 0.0F : norm.shift[m]; }
};

HSCONAS_DEVICE float activated(float value, float scale, float shift, bool relu) {
  const float y = scale * value + shift;
  return relu && y < 0.0F ? 0.0F : y;
}

/// Batch norm of z [pixels][channels] over its first `counted` pixels.
template <typename T>
struct TakeStatistics {
  static constexpr int kThreads = Lanes::kThreads;
  const T* z;
  std::int64_t counted;
  int channels;
  Lanes lanes;
  float epsilon;
  Norm norm;
  Moments* parts;      ///< [blocks along y][channels].
  unsigned* counters;  ///< One per block along x, all 0.

  static int shared_bytes() {
    return kThreads * static_cast<int>(2 * sizeof(Moments) + sizeof(MomentTotals));
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* totals = reinterpret_cast<MomentTotals*>(block.shared);
    auto* own = reinterpret_cast<Moments*>(totals + kThreads);  // [rows][channels of the block].
    const int count = lanes.channels(block.x);
    const int first = 2 * block.x * lanes.lanes;
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int c = 2 * lanes.pair(block.x, thread);
      MomentSums sums[2];
      for_pixels(block, lanes, thread, counted, [&](std::int64_t p) {
        const auto pair = *reinterpret_cast<const Pair<T>*>(z + p * channels + c);
        sums[0].add(to_float(pair.first));
        sums[1].add(to_float(pair.second));
      });
      Moments* to = own + lanes.row(thread) * count + (c - first);
      to[0] = sums[0].moments();
      to[1] = sums[1].moments();
    });
    Moments* part = parts + std::int64_t{block.y} * channels + first;
    total_parts(block, own, lanes.rows, count, count, totals,
                [&](int c, const MomentTotals& total) { part[c] = total.moments(); });
    if (!block.is_last(counters + block.x, block.blocks_y)) return;
    total_parts(
        block, parts + first, block.blocks_y, channels, count, totals,
        [&](int c, const MomentTotals& total) { set_norm(norm, first + c, total, epsilon); });
  }
};

/// out [pixels][channels] = activated `in`, in the same order of channels. Padding is not cleared:
/// it is 0 in `in`, and batch norm of zeros is 0.
template <typename T>
struct Activate {
  static constexpr int kThreads = Lanes::kThreads;
  Activated<T> in;
  T* out;
  std::int64_t pixels;
  int channels;
  Lanes lanes;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int c = 2 * lanes.pair(block.x, thread);
      const float scale[2] = {in.scale(c), in.scale(c + 1)};
      const float shift[2] = {in.shift(c), in.shift(c + 1)};
      for_pixels(block, lanes, thread, pixels, [&](std::int64_t p) {
        const auto pair = *reinterpret_cast<const Pair<T>*>(in.data + p * in.stride + c);
        *reinterpret_cast<Pair<T>*>(out + p * channels + c) = {
            from_float<T>(activated(to_float(pair.first), scale[0], shift[0], in.relu)),
            from_float<T>(activated(to_float(pair.second), scale[1], shift[1], in.relu))};
      });
    });
  }
};

/// One of the tensors that are concatenated: `count` channels from `first` on come from it.
template <typename T>
struct Piece {
  Activated<T> from;
  ChannelOrder order;  ///< In which `from` lies.
  int first = 0;
  int count = 0;
};

/// out [pixels][channels in memory] = the pieces side by side, in the order `order`, and `plus`
/// added, which lies as `out` does.
template <typename T>
struct Concatenate {
  static constexpr int kThreads = Lanes::kThreads;
  static constexpr int kMost = 4;
  Piece<T> pieces[kMost];
  int piece_count;
  const T* plus;  ///< nullptr: nothing.
  T* out;
  std::int64_t pixels;
  ChannelOrder order;
  Lanes lanes;

  /// Where one channel of the output comes from.
  struct Source {
    const T* data = nullptr;
    std::int64_t stride = 0;
    float scale = 0.0F;
    float shift = 0.0F;
    bool relu = false;

    HSCONAS_DEVICE float at(std::int64_t p) const {
      if (data == nullptr) return 0.0F;
      return activated(to_float(data[p * stride]), scale, shift, relu);
    }
  };

  HSCONAS_DEVICE Source source(int m) const {
    const int c = order.channel(m);
    if (c < 0) return {};
    for (int i = 0; i < piece_count; ++i) {
      const Piece<T>& piece = pieces[i];
      if (c < piece.first || c >= piece.first + piece.count) continue;
      const int at = piece.order.at(c - piece.first);
      return {piece.from.data + at, piece.from.stride, piece.from.scale(at), piece.from.shift(at),
              piece.from.relu};
    }
    return {};
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    const int channels = order.memory();
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int m = 2 * lanes.pair(block.x, thread);
      const Source first = source(m);
      const Source second = source(m + 1);
      for_pixels(block, lanes, thread, pixels, [&](std::int64_t p) {
        float values[2] = {first.at(p), second.at(p)};
        const std::int64_t at = p * channels + m;
        if (plus != nullptr) {
          const auto pair = *reinterpret_cast<const Pair<T>*>(plus + at);
          values[0] += to_float(pair.first);
          values[1] += to_float(pair.second);
        }
        *reinterpret_cast<Pair<T>*>(out + at) = {from_float<T>(values[0]),
                                                 from_float<T>(values[1])};
      });
    });
  }
};

/// Channels [first, first + own.channels) of a gradient that lies in the order `order`, for a
/// reader whose own channels lie in the order `own`.
template <typename T>
struct PartOfGradient {
  const T* data = nullptr;
  std::int64_t stride = 0;
  ChannelOrder order;
  int first = 0;
  ChannelOrder own;

  /// The gradient of the reader's channel in memory `m`.
  struct Source {
    const T* data = nullptr;
    std::int64_t stride = 0;
    HSCONAS_DEVICE float at(std::int64_t p) const {
      return data == nullptr ? 0.0F : to_float(data[p * stride]);
    }
  };
  HSCONAS_DEVICE Source source(int m) const {
    const int c = own.channel(m);
    if (c < 0) return {};
    return {data + order.at(first + c), stride};
  }
};

/// The gradient that the average over each image's pixels hands back: `data` [images][channels].
struct GradientOfAverage {
  const float* data = nullptr;
  int channels = 0;  ///< In memory.
  int pixels = 1;    ///< Of an image.

  struct Source {
    const float* data;
    int channels;
    int pixels;
    HSCONAS_DEVICE float at(std::int64_t p) const {
      return data[p / pixels * channels] / static_cast<float>(pixels);
    }
  };
  HSCONAS_DEVICE Source source(int m) const { return {data + m, channels, pixels}; }
};

/// The gradient at the activated output of a convolution with batch norm, turned into terms of the
/// gradient before that.
template <typename T, typename Gradient>
struct ReduceGradient {
  static constexpr int kThreads = Lanes::kThreads;
  Gradient gradient;
  Activated<T> out;  ///< The convolution's own output, with its batch norm.
  std::int64_t pixels;
  int channels;
  Lanes lanes;
  NormTerms terms;
  GradientSums* parts;  ///< [blocks along y][channels].
  unsigned* counters;

  static int shared_bytes() {
    return kThreads * static_cast<int>(2 * sizeof(GradientSums) + sizeof(GradientTotals));
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* totals = reinterpret_cast<GradientTotals*>(block.shared);
    auto* own = reinterpret_cast<GradientSums*>(totals + kThreads);
    const int count = lanes.channels(block.x);
    const int first = 2 * block.x * lanes.lanes;
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int m = 2 * lanes.pair(block.x, thread);
      const auto left = gradient.source(m);
      const auto right = gradient.source(m + 1);
      const float scale[2] = {out.scale(m), out.scale(m + 1)};
      const float shift[2] = {out.shift(m), out.shift(m + 1)};
      GradientSums sums[2] = {{0.0F, 0.0F}, {0.0F, 0.0F}};
      for_pixels(block, lanes, thread, pixels, [&](std::int64_t p) {
        const auto z = *reinterpret_cast<const Pair<T>*>(out.data + p * out.stride + m);
        add(sums[0], left.at(p), scale[0] * to_float(z.first) + shift[0]);
        add(sums[1], right.at(p), scale[1] * to_float(z.second) + shift[1]);
      });
      GradientSums* to = own + lanes.row(thread) * count + (m - first);
      to[0] = sums[0];
      to[1] = sums[1];
    });
    GradientSums* part = parts + std::int64_t{block.y} * channels + first;
    total_parts(block, own, lanes.rows, count, count, totals,
                [&](int c, const GradientTotals& total) {
                  part[c] = {static_cast<float>(total.g), static_cast<float>(total.along)};
                });
    if (!block.is_last(counters + block.x, block.blocks_y)) return;
    total_parts(block, parts + first, block.blocks_y, channels, count, totals,
                [&](int c, const GradientTotals& total) {
                  set_terms(terms, first + c, total, static_cast<double>(pixels), out.norm);
                });
  }

  HSCONAS_DEVICE void add(GradientSums& sums, float g, float y) const {
    if (out.relu && !(y > 0.0F)) return;
    sums.g += g;
    sums.along += g * y;
  }
};

/// The gradient before batch norm, [pixels][channels], from the one at the activated output.
/// `to` may be where the gradient lies, if that has the same layout.
template <typename T, typename Gradient>
struct ApplyGradient {
  static constexpr int kThreads = Lanes::kThreads;
  Gradient gradient;
  Activated<T> out;
  NormTerms terms;
  T* to;
  std::int64_t pixels;
  int channels;
  Lanes lanes;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int m = 2 * lanes.pair(block.x, thread);
      const auto left = gradient.source(m);
      const auto right = gradient.source(m + 1);
      const Channel channel[2] = {at(m), at(m + 1)};
      for_pixels(block, lanes, thread, pixels, [&](std::int64_t p) {
        const auto z = *reinterpret_cast<const Pair<T>*>(out.data + p * out.stride + m);
        const float g[2] = {left.at(p), right.at(p)};
        *reinterpret_cast<Pair<T>*>(to + p * channels + m) = {
            from_float<T>(channel[0].gradient(g[0], to_float(z.first), out.relu)),
            from_float<T>(channel[1].gradient(g[1], to_float(z.second), out.relu))};
      });
    });
  }

  struct Channel {
    float scale;
    float shift;
    float a;
    float b;
    float c;
    HSCONAS_DEVICE float gradient(float g, float z, bool relu) const {
      if (relu && !(scale * z + shift > 0.0F)) g = 0.0F;
      return a * g + b * z + c;
    }
  };
  HSCONAS_DEVICE Channel at(int m) const {
    if (terms.a == nullptr) return {out.scale(m), out.shift(m), 1.0F, 0.0F, 0.0F};
    return {out.scale(m), out.shift(m), terms.a[m], terms.b[m], terms.c[m]};
  }
};

/// Channels of a gradient that a path passed on: to [pixels][own channels] (+)= their part.
template <typename T>
struct PassGradient {
  static constexpr int kThreads = Lanes::kThreads;
  PartOfGradient<T> gradient;
  T* to;
  std::int64_t stride;
  bool accumulate;
  std::int64_t pixels;
  Lanes lanes;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int m = 2 * lanes.pair(block.x, thread);
      const auto left = gradient.source(m);
      const auto right = gradient.source(m + 1);
      for_pixels(block, lanes, thread, pixels, [&](std::int64_t p) {
        float values[2] = {left.at(p), right.at(p)};
        auto* at = reinterpret_cast<Pair<T>*>(to + p * stride + m);
        if (accumulate) {
          values[0] += to_float(at->first);
          values[1] += to_float(at->second);
        }
        *at = {from_float<T>(values[0]), from_float<T>(values[1])};
      });
    });
  }
};

}  // namespace hsconas::cuda
