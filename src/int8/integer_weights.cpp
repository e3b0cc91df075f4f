#include "hsconas/int8/integer_weights.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

// Half of the range of 32 bits; the sum of products has the other half, which suffices for 30,000
// products of 8 by 8 bits.
constexpr double kLargestBias = 1 << 30;

/// The largest size of `values`. Throws Error(Data) if one of them is not finite.
double largest_size(std::span<const float> values) {
  double largest = 0.0;
  for (const float value : values) {
    if (!std::isfinite(value)) {
      throw Error(
          ErrorKind::Data,
          fmt::format("a weight or bias is {}, which has no int8 form: train again", value));
    }
    largest = std::max(largest, std::abs(double{value}));
  }
  return largest;
}

template <typename Integer>
Integer rounded(double value, double largest) {
  return static_cast<Integer>(std::clamp(std::nearbyint(value), -largest, largest));
}

}  // namespace

IntegerWeights quantise_weights(const RealWeights& real, std::size_t channels,
                                const ActivationScale& input, int bits) {
  if (bits < IntegerWeights::kFewestBits || bits > IntegerWeights::kWeightBits) {
    throw Error(ErrorKind::Usage,
                fmt::format("weights have {} to {} bits, not {}", IntegerWeights::kFewestBits,
                            IntegerWeights::kWeightBits, bits));
  }
  const double largest = largest_weight(bits);
  const std::size_t fan_in = real.values.size() / channels;
  IntegerWeights weights{.values = {}, .scales = {}, .bias = {}, .bits = bits};
  weights.values.reserve(real.values.size());
  for (std::size_t c = 0; c < channels; ++c) {
    const auto row = real.values.subspan(c * fan_in, fan_in);
    const auto bias = real.bias.empty() ? real.bias : real.bias.subspan(c, 1);
    const double finest = std::max(largest_size(row) / largest,
                                   largest_size(bias) / (double{input.scale} * kLargestBias));
    // A channel of zeros may have any scale.
    const float scale = finest == 0.0 ? 1.0F : std::max(static_cast<float>(finest), kFinestScale);
    weights.scales.push_back(scale);
    for (const float value : row) {
      weights.values.push_back(rounded<std::int8_t>(double{value} / double{scale}, largest));
    }
    for (const float value : bias) {
      // The product is rounded to fp32, as it is stored in files.
      weights.bias.push_back(
          rounded<std::int32_t>(double{value} / double{input.scale * scale}, kLargestBias));
    }
  }
  return weights;
}

}  // namespace hsconas
