#pragma once

#include <type_traits>

#include "channel_order.hpp"
#include "moments.hpp"
#include "values.hpp"

// Kernels that pass over activations. All are bound by memory: a thread keeps to eight adjacent
// channels (16 bytes), walks over pixels, and has the loads of several pixels in flight at once.
// Padded channels are written as zeros.
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

/// Batch norm and ReLU of eight channels.
struct EightNorms {
  float scale[8];
  float shift[8];

  HSCONAS_DEVICE EightNorms(const Norm& norm, int m) {
    HSCONAS_UNROLL
    for (int k = 0; k < 8; ++k) {
      scale[k] = norm.scale == nullptr ? 1.0F : norm.scale[m + k];
      shift[k] = norm.scale == nullptr ? 0.0F : norm.shift[m + k];
    }
  }
  HSCONAS_DEVICE float normalised(int k, float z) const { return scale[k] * z + shift[k]; }
};

HSCONAS_DEVICE float rectified(float value, bool relu) {
  return relu && value < 0.0F ? 0.0F : value;
}

/// A tensor that is read through batch norm and ReLU.
template <typename T>
struct Activated {
  const T* data = nullptr;
  std::int64_t stride = 0;  ///< Values from one pixel to the next.
  Norm norm;
  bool relu = false;

  HSCONAS_DEVICE float value(std::int64_t pixel, int m) const {
    const float z = to_float(data[pixel * stride + m]);
    if (norm.scale == nullptr) return rectified(z, relu);
    return rectified(norm.scale[m] * z + norm.shift[m], relu);
  }
};

/// Computes the batch norm of z [pixels][channels] from its first `counted` pixels.
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
    return kThreads * static_cast<int>(8 * sizeof(Moments) + sizeof(MomentTotals));
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* totals = reinterpret_cast<MomentTotals*>(block.shared);
    auto* own = reinterpret_cast<Moments*>(totals + kThreads);  // [rows][channels of the block].
    const int count = lanes.channels(block.x);
    const int first = 8 * block.x * lanes.lanes;
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int m = 8 * lanes.octet(block.x, thread);
      const T* from = z + m;
      float pivot[8] = {};
      float sum[8] = {};
      float squares[8] = {};
      float pixels = 0.0F;
      for_pixels(
          block, lanes, thread, counted,
          [&](std::int64_t p) {
            const Eight<T> values = load_eight(from + p * channels);
            HSCONAS_UNROLL
            for (int k = 0; k < 8; ++k) pivot[k] = to_float(values.values[k]);
          },
          [&](std::int64_t p) { return load_eight(from + p * channels); },
          [&](std::int64_t, const Eight<T>& values) {
            pixels += 1.0F;
            HSCONAS_UNROLL
            for (int k = 0; k < 8; ++k) {
              const float difference = to_float(values.values[k]) - pivot[k];
              sum[k] += difference;
              squares[k] += difference * difference;
            }
          });
      Moments* to = own + lanes.row(thread) * count + (m - first);
      HSCONAS_UNROLL
      for (int k = 0; k < 8; ++k) {
        to[k] = MomentSums{pivot[k], pixels, sum[k], squares[k]}.moments();
      }
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

/// out [pixels][channels] = activated `in`, in the same order of channels. Padding needs no
/// clearing: it is 0 in `in`, and batch norm of zeros is 0.
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
      const int m = 8 * lanes.octet(block.x, thread);
      const EightNorms norms(in.norm, m);
      for_pixels(
          block, lanes, thread, pixels,
          [&](std::int64_t p) { return load_eight(in.data + p * in.stride + m); },
          [&](std::int64_t p, const Eight<T>& values) {
            Eight<T> made;
            HSCONAS_UNROLL
            for (int k = 0; k < 8; ++k) {
              const float y = norms.normalised(k, to_float(values.values[k]));
              made.values[k] = from_float<T>(rectified(y, in.relu));
            }
            *reinterpret_cast<Eight<T>*>(out + p * channels + m) = made;
          });
    });
  }
};

/// One of the tensors that are concatenated: the source of `count` output channels from `first` on.
template <typename T>
struct Piece {
  Activated<T> from;
  ChannelOrder order;  ///< Channel order of `from`.
  int first = 0;
  int count = 0;
};

/// out [pixels][channels in memory] = the concatenated pieces in the channel order `order`, plus
/// `plus`, which has the layout of `out`. A thread writes eight channels c to c + 7; in a split
/// order they are four of each half.
template <typename T>
struct Concatenate {
  static constexpr int kThreads = Lanes::kThreads;
  static constexpr int kMost = 4;
  Piece<T> pieces[kMost];
  int piece_count;
  const T* plus;  ///< nullptr: nothing is added.
  T* out;
  std::int64_t pixels;
  ChannelOrder order;
  Lanes lanes;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int c = 8 * lanes.octet(block.x, thread);
      const Piece<T>* row = piece_with_row(c);
      if (row == nullptr) {
        write_one_by_one(block, thread, c);
        return;
      }
      const Activated<T>& from = row->from;
      const int m = c - row->first;
      const EightNorms norms(from.norm, m);
      for_pixels(
          block, lanes, thread, pixels,
          [&](std::int64_t p) { return load_eight(from.data + p * from.stride + m); },
          [&](std::int64_t p, const Eight<T>& values) {
            float made[8];
            HSCONAS_UNROLL
            for (int k = 0; k < 8; ++k) {
              made[k] = rectified(norms.normalised(k, to_float(values.values[k])), from.relu);
            }
            write(p, c, made);
          });
    });
  }

 private:
  /// The piece in whose memory the eight channels from `c` on are adjacent and aligned, if any.
  HSCONAS_DEVICE const Piece<T>* piece_with_row(int c) const {
    for (int i = 0; i < piece_count; ++i) {
      const Piece<T>& piece = pieces[i];
      if (piece.order.kind == ChannelOrder::Plain && c >= piece.first &&
          c + 8 <= piece.first + piece.count && (c - piece.first) % 8 == 0) {
        return &piece;
      }
    }
    return nullptr;
  }

  template <typename Block>
  HSCONAS_DEVICE void write_one_by_one(const Block& block, int thread, int c) const {
    for_pixels(
        block, lanes, thread, pixels, [](std::int64_t p) { return p; },
        [&](std::int64_t p, std::int64_t) {
          float made[8];
          for (int k = 0; k < 8; ++k) made[k] = value(p, c + k);
          write(p, c, made);
        });
  }

  HSCONAS_DEVICE float value(std::int64_t p, int c) const {
    for (int i = 0; i < piece_count; ++i) {
      const Piece<T>& piece = pieces[i];
      if (c >= piece.first && c < piece.first + piece.count) {
        return piece.from.value(p, piece.order.at(c - piece.first));
      }
    }
    return 0.0F;  // Padding.
  }

  HSCONAS_DEVICE void write(std::int64_t p, int c, const float* made) const {
    T* row = out + p * order.memory();
    const T* added = plus == nullptr ? nullptr : plus + p * order.memory();
    if (order.kind != ChannelOrder::Split) {
      Eight<T> values;
      HSCONAS_UNROLL
      for (int k = 0; k < 8; ++k) values.values[k] = sum(made[k], added, c + k);
      *reinterpret_cast<Eight<T>*>(row + c) = values;
      return;
    }
    const int half = order.half_memory();
    Four<T> even;
    Four<T> odd;
    HSCONAS_UNROLL
    for (int k = 0; k < 4; ++k) {
      even.values[k] = sum(made[2 * k], added, c / 2 + k);
      odd.values[k] = sum(made[2 * k + 1], added, half + c / 2 + k);
    }
    *reinterpret_cast<Four<T>*>(row + c / 2) = even;
    *reinterpret_cast<Four<T>*>(row + half + c / 2) = odd;
  }
  static HSCONAS_DEVICE T sum(float value, const T* added, int m) {
    return from_float<T>(added == nullptr ? value : value + to_float(added[m]));
  }
};

/// Channels [first, first + own.channels) of a gradient with channel order `order`, for a reader
/// with channel order `own`.
template <typename T>
struct PartOfGradient {
  const T* data = nullptr;
  std::int64_t stride = 0;
  ChannelOrder order;
  int first = 0;
  ChannelOrder own;

  HSCONAS_DEVICE int place(int m) const {
    const int c = own.channel(m);
    return c < 0 ? -1 : order.at(first + c);
  }

  /// Eight channels that are adjacent in memory.
  struct Row {
    const T* from;
    std::int64_t stride;
    using Raw = Eight<T>;
    HSCONAS_DEVICE Raw load(std::int64_t p) const { return load_eight(from + p * stride); }
    static HSCONAS_DEVICE float value(const Raw& raw, int k) { return to_float(raw.values[k]); }
  };
  /// Four adjacent even channels and four adjacent odd ones.
  struct Halves {
    const T* even;
    const T* odd;
    std::int64_t stride;
    struct Raw {
      Four<T> even;
      Four<T> odd;
    };
    HSCONAS_DEVICE Raw load(std::int64_t p) const {
      return {*reinterpret_cast<const Four<T>*>(even + p * stride),
              *reinterpret_cast<const Four<T>*>(odd + p * stride)};
    }
    static HSCONAS_DEVICE float value(const Raw& raw, int k) {
      return to_float(k % 2 == 0 ? raw.even.values[k / 2] : raw.odd.values[k / 2]);
    }
  };
  /// Any other layout, and padding.
  struct OneByOne {
    PartOfGradient part;
    int m;
    using Raw = Eight<T>;
    HSCONAS_DEVICE Raw load(std::int64_t p) const {
      Raw raw;
      HSCONAS_UNROLL
      for (int k = 0; k < 8; ++k) {
        const int at = part.place(m + k);
        raw.values[k] = at < 0 ? from_float<T>(0.0F) : part.data[p * part.stride + at];
      }
      return raw;
    }
    static HSCONAS_DEVICE float value(const Raw& raw, int k) { return to_float(raw.values[k]); }
  };

  /// Calls run(source) with a source for the eight channels at the reader's places from `m` on, a
  /// multiple of 8. Each kind of source gets its own loop: in a loop with two kinds of loads, each
  /// pixel's load would be waited for before the next one is issued.
  template <typename Run>
  HSCONAS_DEVICE void with_source(int m, Run run) const {
    const int low = place(m);
    const int high = place(m + 1);
    bool is_row = low >= 0 && low % 8 == 0;
    bool is_halves = low >= 0 && high >= 0 && low % 4 == 0 && high % 4 == 0;
    for (int k = 0; k < 8; ++k) {
      is_row = is_row && place(m + k) == low + k;
      is_halves = is_halves && place(m + k) == (k % 2 == 0 ? low : high) + k / 2;
    }
    if (is_row) {
      run(Row{data + low, stride});
    } else if (is_halves) {
      run(Halves{data + low, data + high, stride});
    } else {
      run(OneByOne{*this, m});
    }
  }
};

/// The gradient at the pixels of an image whose average has the gradient `data` [images][channels].
struct GradientOfAverage {
  const float* data = nullptr;
  int channels = 0;  ///< Channels in memory.
  int pixels = 1;    ///< Pixels of an image.

  struct Source {
    const float* from;
    int channels;
    int pixels;
    using Raw = Eight<float>;
    HSCONAS_DEVICE Raw load(std::int64_t p) const {
      return load_eight(from + p / pixels * channels);
    }
    HSCONAS_DEVICE float value(const Raw& raw, int k) const {
      return raw.values[k] / static_cast<float>(pixels);
    }
  };
  template <typename Run>
  HSCONAS_DEVICE void with_source(int m, Run run) const {
    run(Source{data + m, channels, pixels});
  }
};

/// A gradient and the value that it belongs to.
template <typename Source, typename T>
struct GradientAndValue {
  typename Source::Raw gradient;
  Eight<T> z;
};

/// Reduces the gradient at the activated output of a convolution with batch norm to the terms of
/// the gradient before batch norm.
template <typename T, typename Gradient>
struct ReduceGradient {
  static constexpr int kThreads = Lanes::kThreads;
  static constexpr int kBlocks = 2;
  Gradient gradient;
  Activated<T> out;  ///< The convolution's output, with its batch norm.
  std::int64_t pixels;
  int channels;
  Lanes lanes;
  NormTerms terms;
  GradientSums* parts;  ///< [blocks along y][channels].
  unsigned* counters;

  static int shared_bytes() {
    return kThreads * static_cast<int>(8 * sizeof(GradientSums) + sizeof(GradientTotals));
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* totals = reinterpret_cast<GradientTotals*>(block.shared);
    auto* own = reinterpret_cast<GradientSums*>(totals + kThreads);
    const int count = lanes.channels(block.x);
    const int first = 8 * block.x * lanes.lanes;
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int m = 8 * lanes.octet(block.x, thread);
      const EightNorms norms(out.norm, m);
      float sums[8] = {};
      float along[8] = {};
      gradient.with_source(m, [&](const auto& source) {
        using Both = GradientAndValue<std::decay_t<decltype(source)>, T>;
        for_pixels(
            block, lanes, thread, pixels,
            [&](std::int64_t p) {
              return Both{source.load(p), load_eight(out.data + p * out.stride + m)};
            },
            [&](std::int64_t, const Both& both) {
              HSCONAS_UNROLL
              for (int k = 0; k < 8; ++k) {
                const float y = norms.normalised(k, to_float(both.z.values[k]));
                const float g = out.relu && !(y > 0.0F) ? 0.0F : source.value(both.gradient, k);
                sums[k] += g;
                along[k] += g * y;
              }
            });
      });
      GradientSums* to = own + lanes.row(thread) * count + (m - first);
      HSCONAS_UNROLL
      for (int k = 0; k < 8; ++k) to[k] = {sums[k], along[k]};
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
};

/// Writes the gradient before batch norm, [pixels][channels], from the one at the activated output.
/// `to` may be the memory of that gradient, if it has the same layout.
template <typename T, typename Gradient>
struct ApplyGradient {
  static constexpr int kThreads = Lanes::kThreads;
  static constexpr int kBlocks = 2;
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
      const int m = 8 * lanes.octet(block.x, thread);
      const EightNorms norms(out.norm, m);
      float a[8];
      float b[8];
      float c[8];
      HSCONAS_UNROLL
      for (int k = 0; k < 8; ++k) {
        a[k] = terms.a == nullptr ? 1.0F : terms.a[m + k];
        b[k] = terms.a == nullptr ? 0.0F : terms.b[m + k];
        c[k] = terms.a == nullptr ? 0.0F : terms.c[m + k];
      }
      gradient.with_source(m, [&](const auto& source) {
        using Both = GradientAndValue<std::decay_t<decltype(source)>, T>;
        for_pixels(
            block, lanes, thread, pixels,
            [&](std::int64_t p) {
              return Both{source.load(p), load_eight(out.data + p * out.stride + m)};
            },
            [&](std::int64_t p, const Both& both) {
              Eight<T> made;
              HSCONAS_UNROLL
              for (int k = 0; k < 8; ++k) {
                const float z = to_float(both.z.values[k]);
                const bool is_cut = out.relu && !(norms.normalised(k, z) > 0.0F);
                const float g = is_cut ? 0.0F : source.value(both.gradient, k);
                made.values[k] = from_float<T>(a[k] * g + b[k] * z + c[k]);
              }
              *reinterpret_cast<Eight<T>*>(to + p * channels + m) = made;
            });
      });
    });
  }
};

/// Writes to, or adds to, `to` [pixels][own channels] the part of a gradient whose channels a path
/// passes on.
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
      const int m = 8 * lanes.octet(block.x, thread);
      gradient.with_source(m, [&](const auto& source) {
        using Raw = typename std::decay_t<decltype(source)>::Raw;
        for_pixels(
            block, lanes, thread, pixels, [&](std::int64_t p) { return source.load(p); },
            [&](std::int64_t p, const Raw& raw) {
              auto* at = reinterpret_cast<Eight<T>*>(to + p * stride + m);
              Eight<T> made;
              HSCONAS_UNROLL
              for (int k = 0; k < 8; ++k) {
                const float before = accumulate ? to_float(at->values[k]) : 0.0F;
                made.values[k] = from_float<T>(source.value(raw, k) + before);
              }
              *at = made;
            });
      });
    });
  }
};

}  // namespace hsconas::cuda
