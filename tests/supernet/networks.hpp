#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <torch/types.h>

#include "hsconas/base/rng.hpp"
#include "hsconas/space/search_space.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// Standard normal values, the same on every platform.
inline torch::Tensor normal_tensor(torch::IntArrayRef shape, std::uint64_t seed) {
  Rng rng(seed, "test tensor");
  torch::Tensor tensor = torch::empty(shape, torch::kFloat);
  auto* data = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) data[i] = static_cast<float>(rng.normal());
  return tensor;
}

/// `count` random images of the size and channels of `space`.
inline torch::Tensor normal_images(const SearchSpace& space, int count, std::uint64_t seed) {
  const auto& description = space.description();
  return normal_tensor(
      {count, description.image_channels, description.image_size, description.image_size}, seed);
}

inline double max_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.detach().to(torch::kDouble) - b.detach().to(torch::kDouble)).abs().max().item<double>();
}

/// Whether the bits are equal. Unlike torch::equal, this distinguishes -0 from 0 and one NaN from
/// another.
inline bool same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.sizes() != b.sizes() || a.dtype() != b.dtype()) return false;
  const torch::Tensor x = a.detach().cpu().contiguous();
  const torch::Tensor y = b.detach().cpu().contiguous();
  return x.numel() == 0 || std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0;
}

/// The input and output shape of a layer.
struct Placement {
  std::string name;
  int in_channels;
  int out_channels;
  int stride;
};

inline const std::vector<Placement>& placements() {
  static const std::vector<Placement> all{{"same shape", 20, 20, 1},
                                          {"stride 2, more channels", 20, 40, 2},
                                          {"stride 1, more channels", 20, 40, 1}};
  return all;
}

/// A space with one layer of shape `place` and one operator, at every width that it can have. The
/// image side is 9 pixels, an odd number, so that a stride of 2 must round.
inline SearchSpace one_layer_space(const Operator& op, const Placement& place) {
  SpaceDescription space;
  space.name = op.name + ", " + place.name;
  space.image_size = 9;
  space.classes = 10;
  space.stem = {.channels = place.in_channels, .kernel = 3, .stride = 1};
  space.stages = {{.layers = 1, .channels = place.out_channels, .stride = place.stride}};
  space.head = {.channels = 32, .bias = true};
  space.operators = {op.name};
  const bool is_grouped = op.name.ends_with("_g2");
  space.widths = is_grouped ? std::vector<double>{1.0}
                            : std::vector<double>{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0};
  return SearchSpace(space);
}

/// Enlarges the classifier's weights and biases so that logits are around 1 and differences show.
inline void enlarge_classifier(Supernet& supernet) {
  auto& head = supernet.parameters(supernet.space().layers() + 1, 0);
  head.at(1).value.mul_(30.0);
  if (head.size() > 2) head.at(2).value.copy_(normal_tensor(head.at(2).value.sizes(), 9));
}

}  // namespace hsconas
