#pragma once

#include <cstdint>
#include <vector>

namespace hsconas {

inline constexpr int kLargestActivation = 255;
/// No scale is finer, so that the product of two is a normal number of fp32.
inline constexpr float kFinestScale = 1e-18F;

/// How the values of a tensor are stored as integers from 0 to kLargestActivation:
///   real = scale * (integer - zero_point).
/// 0 is always exact, because convolutions pad with it and ReLU returns it.
struct ActivationScale {
  float scale = 1.0F;  ///< The width of a step, > 0.
  int zero_point = 0;  ///< The integer that stands for 0, from 0 to kLargestActivation.

  /// The nearest integer, halves to the even one; values beyond the range take its nearest end.
  std::uint8_t integer(float real) const;
  float real(int integer) const { return scale * static_cast<float>(integer - zero_point); }

  bool operator==(const ActivationScale&) const = default;
};

/// The finest scale whose range covers [low, high] and 0, to half a step. Throws Error(Data) unless
/// low <= high are finite.
ActivationScale activation_scale(double low, double high);

/// The scales of a network at its points, see rounding_points.hpp.
struct ActivationScales {
  ActivationScale input;                             ///< Of the images.
  std::vector<std::vector<ActivationScale>> points;  ///< [block][point]
};

}  // namespace hsconas
