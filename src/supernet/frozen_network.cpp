#include "hsconas/supernet/frozen_network.hpp"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "frozen_runner.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/supernet/run_block.hpp"

namespace hsconas {

FrozenNetwork FrozenNetwork::random(std::span<const Block> chain, torch::Device device,
                                    std::uint64_t seed) {
  Rng rng(seed, "random network");
  std::vector<Layer> layers;
  for (const Block& block : chain) {
    Layer layer{.block = block};
    for_each_weighted(block, [&](const Primitive& p) {
      const std::int64_t fan_in = std::int64_t{1} * p.inputs_per_output() * p.kernel * p.kernel;
      std::vector<float> values(static_cast<std::size_t>(p.out_channels * fan_in));
      const double scale = std::sqrt(2.0 / static_cast<double>(fan_in));
      for (float& value : values) value = static_cast<float>(rng.normal() * scale);
      torch::Tensor weight = torch::tensor(values);
      if (p.kind == PrimitiveKind::Conv) {
        weight = weight.view({p.out_channels, p.inputs_per_output(), p.kernel, p.kernel})
                     .contiguous(torch::MemoryFormat::ChannelsLast);
      } else {
        weight = weight.view({p.out_channels, p.in_channels});
      }
      const bool biased = p.kind == PrimitiveKind::Conv || p.has_bias;
      layer.weights.push_back(
          {weight.to(device), biased ? torch::zeros({p.out_channels}, device) : torch::Tensor()});
    });
    layers.push_back(std::move(layer));
  }
  return FrozenNetwork(std::move(layers));
}

torch::Tensor FrozenNetwork::forward(const torch::Tensor& input) const {
  const c10::InferenceMode guard;
  torch::Tensor x = input;
  for (const Layer& layer : layers_) {
    // Makes the layout explicit: torch takes a one-channel image for channels-first and
    // channels-last at once.
    x = x.dim() == 4 ? x.contiguous(torch::MemoryFormat::ChannelsLast) : x;
    FrozenRunner runner{layer.weights};
    x = run_block(layer.block, x, runner);
  }
  return x;
}

torch::Device FrozenNetwork::device() const {
  for (const Layer& layer : layers_) {
    if (!layer.weights.empty()) return layer.weights.front().value.device();
  }
  return torch::kCPU;
}

template <typename Target>
FrozenNetwork FrozenNetwork::converted(Target target) const {
  const c10::InferenceMode guard;
  std::vector<Layer> layers = layers_;
  for (Layer& layer : layers) {
    for (Weight& weight : layer.weights) {
      weight.value = weight.value.to(target);
      if (weight.bias.defined()) weight.bias = weight.bias.to(target);
    }
  }
  return FrozenNetwork(std::move(layers));
}

FrozenNetwork FrozenNetwork::to(torch::Device device) const {
  return converted(device);
}

FrozenNetwork FrozenNetwork::to(torch::ScalarType type) const {
  return converted(type);
}

FrozenNetwork::Weight fold_batch_norm(const torch::Tensor& weight, const torch::Tensor& mean,
                                      const torch::Tensor& variance) {
  const torch::Tensor scale = (variance + kBatchNormEpsilon).rsqrt();
  return {(weight * scale.view({-1, 1, 1, 1})).contiguous(torch::MemoryFormat::ChannelsLast),
          -mean * scale};
}

}  // namespace hsconas
