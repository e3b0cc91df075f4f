#pragma once

// Access to the channels of pixels, a vector of adjacent or of every other channel at a time.
// Included once for each instruction set.
#include "conv_vectors.hpp"

namespace hsconas {

namespace {

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

}  // namespace

}  // namespace hsconas
