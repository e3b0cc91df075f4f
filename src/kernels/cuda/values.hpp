#pragma once

#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

#include "block.hpp"
#include "hsconas/kernels/number.hpp"

namespace hsconas::cuda {

/// Channels are padded to this many in memory, so that every row of 16-bit values is aligned to 16
/// bytes. Padded channels hold zeros wherever a product reads them.
constexpr int kChannelUnit = 8;

HSCONAS_BOTH constexpr int padded(int channels) {
  return (channels + kChannelUnit - 1) / kChannelUnit * kChannelUnit;
}

template <typename To, typename From>
HSCONAS_DEVICE To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}

HSCONAS_DEVICE float to_float(float value) {
  return value;
}

HSCONAS_DEVICE float to_float(Bf16 value) {
  return bits_as<float>(static_cast<std::uint32_t>(value.bits) << 16U);
}

HSCONAS_DEVICE float to_float(Half value) {
#if defined(__CUDACC__)
  return __half2float(__ushort_as_half(value.bits));
#else
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000U) << 16U;
  const std::uint32_t magnitude = value.bits & 0x7fffU;
  if (magnitude >= 0x7c00U) {  // Infinity or NaN.
    return bits_as<float>(sign | 0x7f800000U | (magnitude & 0x3ffU) << 13U);
  }
  // Multiplying by 2^112 adjusts the exponent and makes subnormal numbers normal.
  const float scaled = bits_as<float>(magnitude << 13U) * bits_as<float>(std::uint32_t{0x77800000});
  return bits_as<float>(sign | bits_as<std::uint32_t>(scaled));
#endif
}

/// `value` rounded to the nearest T, ties to even.
template <typename T>
HSCONAS_DEVICE T from_float(float value);

template <>
HSCONAS_DEVICE float from_float<float>(float value) {
  return value;
}

template <>
HSCONAS_DEVICE Bf16 from_float<Bf16>(float value) {
#if defined(__CUDACC__)
  // CUDA 11.8 has __bfloat16_as_ushort() only for compute capability 8.0 and newer.
  return {static_cast<__nv_bfloat16_raw>(__float2bfloat16_rn(value)).x};
#else
  const auto bits = bits_as<std::uint32_t>(value);
  if (value != value) return {0x7fff};
  return {static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U)};
#endif
}

template <>
HSCONAS_DEVICE Half from_float<Half>(float value) {
#if defined(__CUDACC__)
  return {__half_as_ushort(__float2half_rn(value))};
#else
  const auto bits = bits_as<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16U) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return {0x7fff};
  if (magnitude >= 0x477ff000U) return {static_cast<std::uint16_t>(sign | 0x7c00U)};
  if (magnitude < 0x38800000U) {  // Subnormal: the addition rounds at 2^-24.
    const float rounded = bits_as<float>(magnitude) + 0.5F;
    const auto low = static_cast<std::uint16_t>(bits_as<std::uint32_t>(rounded) - 0x3f000000U);
    return {static_cast<std::uint16_t>(sign | low)};
  }
  const std::uint32_t rounded = magnitude - 0x38000000U + 0xfffU + ((magnitude >> 13U) & 1U);
  return {static_cast<std::uint16_t>(sign | (rounded >> 13U))};
#endif
}

/// Two adjacent values, loaded and stored at once.
template <typename T>
struct alignas(2 * sizeof(T)) Pair {
  T first;
  T second;
};

/// Eight adjacent values of a row that is aligned to 16 bytes.
template <typename T>
struct alignas(16) Eight {
  T values[8];
};

}  // namespace hsconas::cuda
