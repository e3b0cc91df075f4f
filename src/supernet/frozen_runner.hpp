#pragma once

#include <vector>

#include <torch/types.h>

#include "hsconas/space/block.hpp"
#include "hsconas/supernet/frozen_network.hpp"

namespace hsconas {

/// A runner of run_block() for inference; batch norm does nothing, because it is folded into the
/// weights.
struct FrozenRunner {
  const std::vector<FrozenNetwork::Weight>& weights;

  torch::Tensor conv(const Primitive& p, std::size_t slot, const torch::Tensor& x) const {
    const auto& weight = weights[slot];
    return torch::conv2d(x, weight.value, weight.bias, p.stride, p.kernel / 2, 1, p.groups);
  }
  torch::Tensor linear(const Primitive&, std::size_t slot, const torch::Tensor& x) const {
    return torch::linear(x, weights[slot].value, weights[slot].bias);
  }
  static torch::Tensor batch_norm(const Primitive&, std::size_t, const torch::Tensor& x) {
    return x;
  }
  static torch::Tensor relu(torch::Tensor x) { return x.relu_(); }
};

}  // namespace hsconas
