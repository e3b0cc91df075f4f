#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/types.h>

#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/space/subspace.hpp"
#include "supernet/networks.hpp"

namespace hsconas {

/// A random architecture of `space` with random weights and biases.
inline DeployedModel random_model(const SpaceDescription& description, std::uint64_t seed) {
  const SearchSpace space(description);
  Rng rng(seed, "random model");
  DeployedModel model{.space = description,
                      .arch = space.canonical(sample(Subspace::full(space), rng)),
                      .network = FrozenNetwork({})};
  auto layers = FrozenNetwork::random(space.network(model.arch), torch::kCPU, seed).layers();
  for (FrozenNetwork::Layer& layer : layers) {
    for (FrozenNetwork::Weight& weight : layer.weights) {
      if (weight.bias.defined()) {
        weight.bias = 0.1 * normal_tensor(weight.bias.sizes(), rng.next());
      }
    }
  }
  model.network = FrozenNetwork(std::move(layers));
  for (int c = 0; c < description.classes; ++c)
    model.classes.push_back("class " + std::to_string(c));
  for (int c = 0; c < description.image_channels; ++c) {
    model.normalisation.mean.push_back(0.25F + 0.125F * static_cast<float>(c));
    model.normalisation.std.push_back(0.5F);
  }
  model.weights = "retrained";
  return model;
}

/// Largest difference between two tensors, relative to the largest value of the first.
inline double relative_difference(const torch::Tensor& expected, const torch::Tensor& got) {
  return max_difference(expected, got) / expected.abs().max().item<double>();
}

}  // namespace hsconas
