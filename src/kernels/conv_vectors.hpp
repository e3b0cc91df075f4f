#pragma once

// Vectors of HSCONAS_LANES floats, and what the kernels do with them between memory and arithmetic.
//
// The conv_*.hpp of this folder are included once for each instruction set, by a file that is
// compiled for it. Nothing in them may come from a library header: a function of it compiled for
// AVX-512 could replace the same one elsewhere in the program, on a processor that has none.
#include "hsconas/kernels/conv_kernels.hpp"

#if defined(__AVX512F__) && HSCONAS_LANES == 16
#include <immintrin.h>
#endif

namespace hsconas {

namespace {

using Index = std::int64_t;

constexpr int kLanes = HSCONAS_LANES;
typedef float Vec __attribute__((vector_size(4 * HSCONAS_LANES)));
typedef float Loose __attribute__((vector_size(4 * HSCONAS_LANES), aligned(4), may_alias));

constexpr int padded(int channels) {
  return (channels + kLanes - 1) / kLanes * kLanes;
}
inline int smaller(int a, int b) {
  return a < b ? a : b;
}

inline Vec load(const float* p) {
  return *reinterpret_cast<const Loose*>(p);
}
inline void store(float* p, Vec v) {
  *reinterpret_cast<Loose*>(p) = v;
}

#if defined(__AVX512F__) && HSCONAS_LANES == 16
inline Vec load_first(const float* p, int n) {
  return (Vec)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << n) - 1U), p);
}
inline void store_first(float* p, int n, Vec v) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1U << n) - 1U), (__m512)v);
}
/// Elements 0, 2, 4 ... of the 2 * n - 1 floats at p; zero behind them.
inline Vec load_every_other(const float* p, int n) {
  const int m = 2 * n - 1;
  const Vec low = load_first(p, smaller(m, 16));
  const Vec high = m > 16 ? load_first(p + 16, m - 16) : Vec{};
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return (Vec)_mm512_permutex2var_ps((__m512)low, even, (__m512)high);
}
inline void store_every_other(float* p, int n, Vec v) {
  const __m512i low_at = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  const __m512i high_at =
      _mm512_setr_epi32(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
  const auto mask = [](int count) {
    return static_cast<__mmask16>(0x5555U & ((1U << (2 * count)) - 1U));
  };
  _mm512_mask_storeu_ps(p, mask(smaller(n, 8)), _mm512_permutexvar_ps(low_at, (__m512)v));
  if (n > 8) _mm512_mask_storeu_ps(p + 16, mask(n - 8), _mm512_permutexvar_ps(high_at, (__m512)v));
}
#else
inline Vec load_first(const float* p, int n) {
  Vec v{};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
inline void store_first(float* p, int n, Vec v) {
  for (int i = 0; i < n; ++i) p[i] = v[i];
}
inline Vec load_every_other(const float* p, int n) {
  Vec v{};
  for (int i = 0; i < n; ++i) v[i] = p[2 * i];
  return v;
}
inline void store_every_other(float* p, int n, Vec v) {
  for (int i = 0; i < n; ++i) p[2 * i] = v[i];
}
#endif

/// Channels [c, c + kLanes) of the pixel at `p`, of which there are `channels`; zero behind them.
inline Vec load_channels(const float* p, int channel_stride, int c, int channels) {
  const int n = smaller(channels - c, kLanes);
  if (channel_stride != 1) return load_every_other(p + 2 * c, n);
  return n == kLanes ? load(p + c) : load_first(p + c, n);
}

/// Where pixel after pixel is written: asks for the memory some pixels ahead.
inline void will_store(float* p, std::int64_t pixel_stride, int channel_stride, int c) {
  constexpr int kAhead = 16;
  float* ahead = p + kAhead * pixel_stride + Index{c} * channel_stride;
  __builtin_prefetch(ahead, 1);
  if (channel_stride != 1) __builtin_prefetch(ahead + kLanes, 1);
}

/// load_channels() where pixel after pixel is read: asks for the memory some pixels ahead.
/// Processors do not foresee loads under a mask, and wait for each one in turn.
inline Vec stream_channels(const float* p, std::int64_t pixel_stride, int channel_stride, int c,
                           int channels) {
  constexpr int kAhead = 16;
  const float* ahead = p + kAhead * pixel_stride + Index{c} * channel_stride;
  __builtin_prefetch(ahead);
  if (channel_stride != 1) __builtin_prefetch(ahead + kLanes);
  return load_channels(p, channel_stride, c, channels);
}
inline void store_channels(float* p, int channel_stride, int c, int channels, Vec v) {
  const int n = smaller(channels - c, kLanes);
  if (channel_stride != 1) {
    store_every_other(p + 2 * c, n, v);
  } else if (n == kLanes) {
    store(p + c, v);
  } else {
    store_first(p + c, n, v);
  }
}

inline Vec rectified(Vec v) {
  return v > Vec{} ? v : Vec{};
}
/// Where `y` is above 0, `v`; else 0.
inline Vec where_positive(Vec y, Vec v) {
  return y > Vec{} ? v : Vec{};
}
inline Vec normalised(const Activation& a, int c, Vec z) {
  return z * load(a.scale + c) + load(a.shift + c);
}
inline Vec activated(const Activation& a, int c, Vec z) {
  if (a.scale != nullptr) z = normalised(a, c, z);
  return a.relu ? rectified(z) : z;
}

inline void zero(float* p, Index count) {
  for (Index i = 0; i < count; ++i) p[i] = 0.0F;
}

/// The gradient at a convolution's output, from that of its activated batch norm g:
/// scale * (g - mean(g) - y * mean(g * y)), g being 0 where ReLU was.
inline Vec output_gradient(const Activation& a, const NormGradient& norm, int c, Vec z, Vec g) {
  const Vec y = normalised(a, c, z);
  if (a.relu) g = where_positive(y, g);
  return load(a.scale + c) * (g - load(norm.mean + c) - y * load(norm.along + c));
}

/// Adds the lanes of channels [c, c + kLanes) to `to`.
inline void add_lanes(Vec v, int c, int channels, double* to) {
  const int count = smaller(channels - c, kLanes);
  for (int i = 0; i < count; ++i) to[c + i] += static_cast<double>(v[i]);
}

/// Sums of outputs per channel, as differences from a `pivot` near their mean, so that a large mean
/// costs no digits.
struct Sums {
  Vec pivot{};
  Vec sum{};
  Vec squares{};

  void add(Vec v) {
    const Vec d = v - pivot;
    sum += d;
    squares += d * d;
  }
};

/// So many values are added up in fp32 before they are pooled.
constexpr Index kMostAdded = 256;

/// Pools the sums of `count` values per channel into `moments`, which holds `before`, by the
/// difference of means (Chan, Golub and LeVeque, 1983). They start again, from what is now the
/// mean.
inline void pool(Sums& sums, Index count, Index before, int c, int channels,
                 const Moments& moments) {
  const auto n = static_cast<double>(count);
  const double total = static_cast<double>(before) + n;
  const double share = n / total;
  const double weight = static_cast<double>(before) * share;
  const int lanes = smaller(channels - c, kLanes);
  for (int i = 0; i < lanes; ++i) {
    const double mean = static_cast<double>(sums.sum[i]) / n;
    const double squares = static_cast<double>(sums.squares[i]) - mean * mean * n;
    const double shift = static_cast<double>(sums.pivot[i]) + mean - moments.mean[c + i];
    moments.mean[c + i] += shift * share;
    moments.squares[c + i] += (squares > 0.0 ? squares : 0.0) + shift * shift * weight;
    sums.pivot[i] = static_cast<float>(moments.mean[c + i]);
  }
  sums.sum = sums.squares = Vec{};
}

/// Writes outputs while they are still in registers: as they are, added up for the batch norm
/// behind them, or with kMoments false as the next block sees them.
template <bool kMoments>
struct Finish {
  Channels<float> to;
  int channels;
  Activation activation;
  Channels<const float> plus;

  explicit Finish(const ConvForward& f, int out_channels)
      : to(f.out), channels(out_channels), activation(f.out_activation), plus(f.plus) {}

  void operator()(Index pixel, int c, Vec v, Sums& sums) const {
    if constexpr (kMoments) {
      sums.add(v);
    } else {
      v = activated(activation, c, v);
      if (plus.data != nullptr) {
        v += load_channels(plus.data + pixel * plus.pixel_stride, plus.channel_stride, c, channels);
      }
    }
    float* at = to.data + pixel * to.pixel_stride;
    will_store(at, to.pixel_stride, 1, c);
    store_channels(at, 1, c, channels, v);
  }
};

}  // namespace

}  // namespace hsconas
