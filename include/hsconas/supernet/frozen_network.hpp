#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <torch/types.h>

#include "hsconas/space/block.hpp"

namespace hsconas {

inline constexpr double kBatchNormEpsilon = 1e-5;

/// A network for inference that owns its weights. Each batch norm is folded into the convolution
/// before it, so the convolutions have biases. Layout: channels-last.
class FrozenNetwork {
 public:
  struct Weight {
    torch::Tensor value;  ///< conv [out, in / groups, k, k] or linear [out, in].
    torch::Tensor bias;   ///< [out], or undefined.
  };
  struct Layer {
    Block block;
    std::vector<Weight> weights;  ///< One per weighted primitive, in order.
  };

  explicit FrozenNetwork(std::vector<Layer> layers) : layers_(std::move(layers)) {}

  /// A network with random weights (He initialisation) and zero biases, for timing.
  static FrozenNetwork random(std::span<const Block> chain, torch::Device device,
                              std::uint64_t seed);

  /// [N, in_channels, size, size] -> [N, out_channels, ...], or logits [N, classes] when the last
  /// block is a head. No gradients.
  torch::Tensor forward(const torch::Tensor& input) const;

  const std::vector<Layer>& layers() const { return layers_; }
  torch::Device device() const;
  /// The same network on another device.
  FrozenNetwork to(torch::Device device) const;
  /// The same network with weights rounded to `type`; its input must have that type.
  FrozenNetwork to(torch::ScalarType type) const;

 private:
  template <typename Target>
  FrozenNetwork converted(Target target) const;

  std::vector<Layer> layers_;
};

/// Folds the batch norm after a convolution into the convolution's `weight` w:
///   w' = w / sqrt(variance + epsilon), bias' = -mean / sqrt(variance + epsilon),
/// with epsilon = kBatchNormEpsilon.
FrozenNetwork::Weight fold_batch_norm(const torch::Tensor& weight, const torch::Tensor& mean,
                                      const torch::Tensor& variance);

}  // namespace hsconas
