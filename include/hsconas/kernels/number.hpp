#pragma once

#include <cstdint>

// In C++17 and without containers of the standard library, since CUDA's compilers read it too.
namespace hsconas {

/// IEEE 754's binary16: 11 bits of precision, up to 65504.
struct Half {
  std::uint16_t bits = 0;
};

/// bfloat16, the upper half of an fp32 number: 8 bits of precision, the range of fp32.
struct Bf16 {
  std::uint16_t bits = 0;
};

/// How a number is stored.
enum class Number { Fp32, Bf16, Fp16 };

template <typename T>
struct NumberOf;
template <>
struct NumberOf<float> {
  static constexpr Number kValue = Number::Fp32;
};
template <>
struct NumberOf<Bf16> {
  static constexpr Number kValue = Number::Bf16;
};
template <>
struct NumberOf<Half> {
  static constexpr Number kValue = Number::Fp16;
};

}  // namespace hsconas
