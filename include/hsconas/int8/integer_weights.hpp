#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hsconas/int8/activation_scale.hpp"

namespace hsconas {

/// The weights of a convolution or linear layer, with batch norm folded in.
struct RealWeights {
  std::span<const float> values;  ///< Row-major, output channels first.
  std::span<const float> bias;    ///< One per output channel, or empty.
};

/// The weights of such a layer as integers. With c for the output channel,
///   weight = scales[c] * value and bias = input scale * scales[c] * bias[c].
struct IntegerWeights {
  std::vector<std::int8_t> values;  ///< At most largest_weight(bits) in size.
  std::vector<float> scales;        ///< One per output channel, > 0.
  std::vector<std::int32_t> bias;   ///< One per output channel, or empty.
  int bits = kWeightBits;

  static constexpr int kWeightBits = 8;
  static constexpr int kFewestBits = 2;

  std::size_t channels() const { return scales.size(); }
};

/// The largest weight of `bits` bits. The range is symmetric, so that 0 is exact without a zero
/// point: 127 for 8 bits, 7 for 4.
constexpr int largest_weight(int bits) {
  return (1 << (bits - 1)) - 1;
}

/// Rounds weights to integers of `bits` bits, with the scale of each output channel such that its
/// largest weight becomes the largest integer. A channel whose bias would not fit into 32 bits
/// beside its weights gets a coarser scale. `input` is the scale of the layer's input. Throws
/// Error(Usage) unless `bits` is from kFewestBits to kWeightBits, Error(Data) for a value that is
/// not finite.
IntegerWeights quantise_weights(const RealWeights& real, std::size_t channels,
                                const ActivationScale& input,
                                int bits = IntegerWeights::kWeightBits);

}  // namespace hsconas
