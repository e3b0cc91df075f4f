#include "hsconas/int8/integer_network.hpp"

#include <utility>

#include "hsconas/int8/rounding_points.hpp"

namespace hsconas {

std::int64_t IntegerNetwork::weight_bytes() const {
  constexpr std::int64_t kBitsPerByte = 8;
  std::int64_t bits = 0;
  for (const auto& block : weights) {
    for (const IntegerWeights& layer : block) {
      bits += std::ssize(layer.values) * layer.bits;
      bits += kBitsPerByte * static_cast<std::int64_t>(sizeof(float) * layer.scales.size() +
                                                       sizeof(std::int32_t) * layer.bias.size());
    }
  }
  return (bits + kBitsPerByte - 1) / kBitsPerByte;
}

int eight_bits(std::size_t /*block*/, std::size_t /*slot*/, const Primitive& /*p*/) {
  return IntegerWeights::kWeightBits;
}

IntegerNetwork quantise(std::vector<Block> blocks, ActivationScales scales,
                        const WeightSource& weights, const WeightBits& bits) {
  IntegerNetwork network{.blocks = std::move(blocks), .scales = std::move(scales), .weights = {}};
  ActivationScale scale = network.scales.input;
  for (std::size_t i = 0; i < network.blocks.size(); ++i) {
    auto& layers = network.weights.emplace_back();
    scale =
        for_each_weighted_input(network.blocks[i], scale, network.scales.points[i],
                                [&](const Primitive& p, const ActivationScale& input) {
                                  const std::size_t slot = layers.size();
                                  layers.push_back(quantise_weights(
                                      weights(i, slot, p), static_cast<std::size_t>(p.out_channels),
                                      input, bits(i, slot, p)));
                                });
  }
  return network;
}

}  // namespace hsconas
