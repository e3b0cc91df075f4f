#pragma once

#include <vector>

#include <torch/types.h>

#include "hsconas/int8/integer_network.hpp"
#include "hsconas/supernet/frozen_network.hpp"

namespace hsconas {

/// The scales with which `network` can run as int8: at each point (see int8/rounding_points.hpp),
/// the scale covers the smallest and the largest value that occur for `batches` of images [N, C, H,
/// W]. At least one batch must be given. Throws Error(Data) for values that are not finite.
ActivationScales measure_scales(const FrozenNetwork& network,
                                const std::vector<torch::Tensor>& batches);

/// The network with integers for its weights, see quantise().
IntegerNetwork quantise(const FrozenNetwork& network, ActivationScales scales,
                        const WeightBits& bits = eight_bits);

/// Runs a network of integers. Each value is held as the fp32 number that its integer stands for,
/// and values are rounded where the integers would be. The sums of products are therefore those of
/// integer arithmetic up to the rounding of fp32, so that an integer may differ by 1 when it lies
/// halfway between two. Takes about as long as a FrozenNetwork.
class Int8Network {
 public:
  Int8Network(const IntegerNetwork& network, torch::Device device);

  /// [N, in_channels, size, size], fp32 -> logits [N, classes]. No gradients.
  torch::Tensor forward(const torch::Tensor& input) const;
  torch::Device device() const { return network_.device(); }

 private:
  ActivationScales scales_;
  FrozenNetwork network_;  ///< With weights and biases that are multiples of their scales.
};

}  // namespace hsconas
