#pragma once

#include <type_traits>

#include "activations.hpp"

// Kernels of the backward pass that pass over the gradients at activations. Padded channels are
// written as zeros.
namespace hsconas::cuda {

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
