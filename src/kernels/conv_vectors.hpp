#pragma once

// Vectors of HSCONAS_LANES floats: loading, storing, normalising and summing them.
//
// The conv_*.hpp of this folder are included once for each instruction set, by a file that is
// compiled for it. They must not use functions of library headers: the linker could take one that
// was compiled for AVX-512 for the whole program, which then fails on processors without it.
#include "hsconas/kernels/conv_kernels.hpp"

#if defined(__AVX512F__) && HSCONAS_LANES == 16
#define HSCONAS_AVX512
#elif defined(__AVX2__) && defined(__F16C__) && HSCONAS_LANES == 8
#define HSCONAS_F16C
#endif
#if defined(HSCONAS_AVX512) || defined(HSCONAS_F16C)
#include <immintrin.h>
#endif
#if defined(HSCONAS_AVX512) && defined(__AVX512VNNI__)
#define HSCONAS_FIXED_PRODUCTS
#endif
#if defined(HSCONAS_AVX512) && defined(__AVX512BF16__)
#define HSCONAS_BF16_PRODUCTS
#endif

namespace hsconas {

namespace {

using Index = std::int64_t;

constexpr int kLanes = HSCONAS_LANES;
typedef float Vec __attribute__((vector_size(4 * HSCONAS_LANES)));
typedef float Loose __attribute__((vector_size(4 * HSCONAS_LANES), aligned(4), may_alias));
typedef std::uint32_t Bits __attribute__((vector_size(4 * HSCONAS_LANES)));
typedef std::uint16_t Halves __attribute__((vector_size(2 * HSCONAS_LANES)));
typedef std::uint16_t LooseHalves
    __attribute__((vector_size(2 * HSCONAS_LANES), aligned(2), may_alias));

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

/// Converts lanes of the 16-bit type T to float, exactly.
template <typename T>
inline Vec widened(Halves v);
/// Rounds to the nearest T, ties to even; NaN stays NaN. Subnormal Bf16 results, below 2^-126, may
/// become 0.
template <typename T>
inline Halves narrowed(Vec v);

template <>
inline Vec widened<Half>(Halves v) {
#if defined(HSCONAS_AVX512)
  return (Vec)_mm512_cvtph_ps((__m256i)v);
#elif defined(HSCONAS_F16C)
  return (Vec)_mm256_cvtph_ps((__m128i)v);
#else
  // A float's exponent is 112 higher, for infinity and NaN 224. Subnormal numbers have no leading
  // 1, so it is put before their digits and subtracted again.
  constexpr std::uint32_t kOne = 1U << 23;
  const Bits bits = __builtin_convertvector(v, Bits);
  const Bits magnitude = (bits & 0x7fffU) << 13;
  const Bits normal = magnitude + 112 * kOne;
  const Bits subnormal = (Bits)((Vec)(normal + kOne) - (Vec)(Bits{} + 113 * kOne));
  const Bits finite = magnitude < kOne ? subnormal : normal;
  const Bits value = magnitude < 31 * kOne ? finite : normal + 112 * kOne;
  return (Vec)(value | (bits & 0x8000U) << 16);
#endif
}

template <>
inline Halves narrowed<Half>(Vec v) {
#if defined(HSCONAS_AVX512)
  return (Halves)_mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(HSCONAS_F16C)
  return (Halves)_mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  constexpr std::uint32_t kOne = 1U << 23;
  constexpr std::uint32_t kInfinity = 255 * kOne;
  const Bits magnitude = (Bits)v & 0x7fffffffU;
  const Bits normal = (magnitude - 112 * kOne + 0xfffU + ((magnitude >> 13) & 1U)) >> 13;
  // The last bit of 0.5F has the value of the smallest half, so the addition rounds to halves.
  const Vec half = Vec{} + 0.5F;
  const Bits subnormal = (Bits)((Vec)magnitude + half) - (Bits)half;
  const Bits large = magnitude > kInfinity ? Bits{} + 0x7e00U : Bits{} + 0x7c00U;
  const Bits small = magnitude < 113 * kOne ? subnormal : normal;
  const Bits value = magnitude < 143 * kOne - 0x1000U ? small : large;
  return __builtin_convertvector(value | (((Bits)v >> 16) & 0x8000U), Halves);
#endif
}

template <>
inline Vec widened<Bf16>(Halves v) {
#if defined(HSCONAS_AVX512)
  return (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)v), 16);
#elif defined(HSCONAS_F16C)
  return (Vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32((__m128i)v), 16);
#else
  return (Vec)(__builtin_convertvector(v, Bits) << 16);
#endif
}

template <>
inline Halves narrowed<Bf16>(Vec v) {
#if defined(HSCONAS_BF16_PRODUCTS)
  return (Halves)_mm512_cvtneps_pbh((__m512)v);
#else
  const Bits bits = (Bits)v;
  const Bits nearest = bits + 0x7fffU + ((bits >> 16) & 1U);
  const Bits quiet = bits | 0x400000U;  // Rounding could turn NaN into infinity.
  const Bits value = (bits & 0x7fffffffU) > 0x7f800000U ? quiet : nearest;
#if defined(HSCONAS_AVX512)
  return (Halves)_mm512_cvtepi32_epi16((__m512i)(value >> 16));
#else
  return __builtin_convertvector(value >> 16, Halves);
#endif
#endif
}

template <typename T>
inline Vec load(const T* p) {
  return widened<T>(*reinterpret_cast<const LooseHalves*>(p));
}
template <typename T>
inline void store(T* p, Vec v) {
  *reinterpret_cast<LooseHalves*>(p) = narrowed<T>(v);
}

inline float to_float(float v) {
  return v;
}
template <typename T>
inline float to_float(T v) {
  return widened<T>(Halves{} + v.bits)[0];
}
inline void set(float& to, float v) {
  to = v;
}
template <typename T>
inline void set(T& to, float v) {
  to.bits = narrowed<T>(Vec{} + v)[0];
}

/// The larger of `least` and `v` in each lane; NaN in `v` stays NaN.
inline Vec at_least(Vec least, Vec v) {
#if defined(HSCONAS_AVX512)
  return (Vec)_mm512_max_ps((__m512)least, (__m512)v);
#else
  return v < least ? least : v;
#endif
}

/// Loads and stores channels [c, c + kLanes) of pixels, either adjacent or every other one. Offsets
/// and masks, which are the same for all pixels, are computed once.
class ChannelLanes {
 public:
  ChannelLanes() = default;
  template <typename T>
  ChannelLanes(const Channels<T>& pixels, int c, int channels)
      : ahead_(kAhead * pixels.pixel_stride + Index{c} * pixels.channel_stride),
        first_(Index{c} * pixels.channel_stride),
        every_other_(pixels.channel_stride != 1),
        count_(smaller(channels - c, kLanes)) {
#ifdef HSCONAS_AVX512
    if (every_other_) {
      // The channels span 2 * count - 1 floats, in two vectors.
      const int floats = 2 * count_ - 1;
      low_ = mask(smaller(floats, kLanes));
      high_ = mask(floats > kLanes ? floats - kLanes : 0);
    } else {
      low_ = mask(count_);
    }
#endif
  }

  /// Loads the channels of the pixel at `p`; lanes behind the last channel are zero.
  template <typename T>
  Vec load(const T* p) const;
  template <typename T>
  void store(T* p, Vec v) const;

  /// load() with a prefetch some pixels ahead, for reading one pixel after another: processors do
  /// not predict masked loads and would wait for each one.
  template <typename T>
  Vec stream(const T* p) const {
    __builtin_prefetch(p + ahead_);
    if (every_other_) __builtin_prefetch(p + ahead_ + kLanes);
    return load(p);
  }
  /// Prefetches likewise before store().
  template <typename T>
  void will_store(const T* p) const {
    __builtin_prefetch(p + ahead_, 1);
    if (every_other_) __builtin_prefetch(p + ahead_ + kLanes, 1);
  }

 private:
  static constexpr int kAhead = 16;  // Pixels.

  Index ahead_ = 0;
  Index first_ = 0;
  bool every_other_ = false;
  int count_ = 0;
#ifdef HSCONAS_AVX512
  static __mmask16 mask(int count) {
    return static_cast<__mmask16>((1U << count) - 1U);
  }

  __mmask16 low_ = 0;
  __mmask16 high_ = 0;
#endif
};

#ifdef HSCONAS_AVX512
template <>
inline Vec ChannelLanes::load(const float* p) const {
  p += first_;
  const __m512 low = _mm512_maskz_loadu_ps(low_, p);
  if (!every_other_) return (Vec)low;
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return (Vec)_mm512_permutex2var_ps(low, even, _mm512_maskz_loadu_ps(high_, p + kLanes));
}
template <>
inline void ChannelLanes::store(float* p, Vec v) const {
  p += first_;
  if (!every_other_) {
    _mm512_mask_storeu_ps(p, low_, (__m512)v);
    return;
  }
  constexpr __mmask16 kEven = 0x5555;
  const __m512i low_at = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  const __m512i high_at =
      _mm512_setr_epi32(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
  _mm512_mask_storeu_ps(p, low_ & kEven, _mm512_permutexvar_ps(low_at, (__m512)v));
  if (high_ != 0) {
    _mm512_mask_storeu_ps(p + kLanes, high_ & kEven, _mm512_permutexvar_ps(high_at, (__m512)v));
  }
}
template <typename T>
inline Vec ChannelLanes::load(const T* p) const {
  p += first_;
  if (!every_other_) return widened<T>((Halves)_mm256_maskz_loadu_epi16(low_, p));
  // A channel and the one that is skipped form 32 bits, of which the lower half is wanted.
  const __m512i pairs = _mm512_maskz_loadu_epi16(_mm512_kunpackw(high_, low_), p);
  return widened<T>((Halves)_mm512_cvtepi32_epi16(pairs));
}
template <typename T>
inline void ChannelLanes::store(T* p, Vec v) const {
  p += first_;
  const auto halves = (__m256i)narrowed<T>(v);
  if (!every_other_) {
    _mm256_mask_storeu_epi16(p, low_, halves);
    return;
  }
  constexpr __mmask32 kEven = 0x55555555;
  _mm512_mask_storeu_epi16(p, _mm512_kunpackw(high_, low_) & kEven, _mm512_cvtepu16_epi32(halves));
}
#else
/// Every other lane of the memory that `low` and `high` cover; high[0] repeats the last lane of
/// `low`.
inline Vec every_other(Vec low, Vec high) {
#if HSCONAS_LANES == 8
  return Vec{low[0], low[2], low[4], low[6], high[1], high[3], high[5], high[7]};
#else
  return Vec{low[0], low[2], high[1], high[3]};
#endif
}

template <typename T>
inline Vec ChannelLanes::load(const T* p) const {
  p += first_;
  if (count_ == kLanes) {
    if (!every_other_) return hsconas::load(p);
    return every_other(hsconas::load(p), hsconas::load(p + kLanes - 1));
  }
  const int step = every_other_ ? 2 : 1;
  Vec v{};
  for (int i = 0; i < count_; ++i) v[i] = to_float(p[step * i]);
  return v;
}
template <typename T>
inline void ChannelLanes::store(T* p, Vec v) const {
  p += first_;
  if (!every_other_ && count_ == kLanes) {
    hsconas::store(p, v);
    return;
  }
  const int step = every_other_ ? 2 : 1;
  for (int i = 0; i < count_; ++i) set(p[step * i], v[i]);
}
#endif

/// `v` in lanes where `y` is above 0, else 0.
inline Vec where_positive(Vec y, Vec v) {
  return y > Vec{} ? v : Vec{};
}

/// An Activation's lanes of channels [c, c + kLanes).
struct LaneActivation {
  Vec scale{};
  Vec shift{};
  Vec least{};

  LaneActivation() = default;
  LaneActivation(const Activation& a, int c)
      : scale(a.scale != nullptr ? load(a.scale + c) : Vec{} + 1.0F),
        shift(a.scale != nullptr ? load(a.shift + c) : Vec{}),
        least(Vec{} + (a.relu ? 0.0F : -__builtin_inff())) {}

  Vec normalised(Vec z) const { return z * scale + shift; }
  Vec operator()(Vec z) const { return at_least(least, normalised(z)); }
};

/// The gradient at a convolution's output z, from the gradient g at its activated batch norm y:
/// scale * (g - mean(g) - y * mean(g * y)), with g set to 0 where ReLU cut off. For channels
/// [c, c + kLanes).
struct LaneGradient {
  LaneActivation activation;
  Vec mean;
  Vec along;
  bool relu;

  LaneGradient(const Activation& a, const NormGradient& norm, int c)
      : activation(a, c), mean(load(norm.mean + c)), along(load(norm.along + c)), relu(a.relu) {}

  Vec operator()(Vec z, Vec g) const {
    const Vec y = activation.normalised(z);
    if (relu) g = where_positive(y, g);
    return activation.scale * (g - mean - y * along);
  }
};

template <typename T>
inline void zero(T* p, Index count) {
  for (Index i = 0; i < count; ++i) p[i] = T{};
}

/// Adds the lanes of channels [c, c + kLanes) to `to`.
inline void add_lanes(Vec v, int c, int channels, double* to) {
  const int count = smaller(channels - c, kLanes);
  for (int i = 0; i < count; ++i) to[c + i] += static_cast<double>(v[i]);
}

/// Sums of outputs per channel, as differences from a `pivot` near their mean, so that a large mean
/// costs no precision.
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

/// Sums are pooled once this many values have been added up in fp32.
constexpr Index kMostAdded = 256;

/// Pools the sums of `count` values per channel into `moments`, which cover `before` values, by the
/// difference of means (Chan, Golub and LeVeque, 1983). Then resets the sums, with the new mean as
/// pivot.
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

/// Writes outputs of channels [c, c + kLanes) while they are in registers. With kMoments they are
/// written before batch norm and added up for it, otherwise they are activated.
template <typename T, bool kMoments>
class Finish {
 public:
  Finish() = default;
  Finish(const ConvForward<T>& f, int c, int channels)
      : to_(f.out),
        plus_(f.plus),
        lanes_(to_, c, channels),
        plus_lanes_(plus_, c, channels),
        activation_(f.out_activation, c) {}

  void operator()(Index pixel, Vec v, Sums& sums) const {
    if constexpr (kMoments) {
      sums.add(v);
      if (to_.data == nullptr) return;
    } else {
      v = activation_(v);
      if (plus_.data != nullptr) v += plus_lanes_.load(plus_.data + pixel * plus_.pixel_stride);
    }
    T* to = to_.data + pixel * to_.pixel_stride;
    lanes_.will_store(to);
    lanes_.store(to, v);
  }

 private:
  Channels<T> to_;
  Channels<const T> plus_;
  ChannelLanes lanes_;
  ChannelLanes plus_lanes_;
  LaneActivation activation_;
};

}  // namespace

}  // namespace hsconas
