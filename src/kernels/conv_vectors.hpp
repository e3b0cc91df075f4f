#pragma once

// Vectors of HSCONAS_LANES floats, in memory as fp32, Half or Bf16.
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
#if defined(HSCONAS_BF16_PRODUCTS) && defined(__AMX_TILE__) && defined(__AMX_BF16__)
#define HSCONAS_TILE_PRODUCTS
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

/// `v` in lanes where `y` is above 0, else 0.
inline Vec where_positive(Vec y, Vec v) {
  return y > Vec{} ? v : Vec{};
}

template <typename T>
inline void zero(T* p, Index count) {
  for (Index i = 0; i < count; ++i) p[i] = T{};
}

}  // namespace

}  // namespace hsconas
