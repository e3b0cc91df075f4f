#include "hsconas/supernet/thaw.hpp"

#include <cstddef>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

namespace hsconas {

void thaw(const FrozenNetwork& network, const Architecture& arch, Supernet& supernet) {
  const torch::NoGradGuard guard;
  const auto& layers = network.layers();
  for (std::size_t position = 0; position < layers.size(); ++position) {
    auto& parameters = supernet.parameters(static_cast<int>(position), op_at(position, arch));
    std::size_t next = 0;
    std::size_t slot = 0;
    for_each_weighted(layers[position].block, [&](const Primitive& p) {
      const FrozenNetwork::Weight& weight = layers[position].weights[slot++];
      sliced(parameters[next++].value, p).copy_(weight.value);
      if (p.has_bias) parameters[next++].value.copy_(weight.bias);
    });
  }
  supernet.reset_momentum();
}

}  // namespace hsconas
