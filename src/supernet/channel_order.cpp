#include "hsconas/supernet/channel_order.hpp"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

namespace hsconas {

namespace {

/// Channels between two dense layers of a block, given by the slots of the weights that know their
/// order.
struct InnerChannels {
  std::vector<std::size_t> rows;  ///< The layer that produces them, then depthwise convolutions.
  std::size_t columns = 0;        ///< The layer that reads them.
};

bool is_depthwise(const Primitive& p) {
  return p.groups > 1 && p.groups == p.in_channels && p.in_channels == p.out_channels;
}

std::vector<InnerChannels> inner_channels(const Block& block) {
  std::vector<InnerChannels> all;
  std::size_t slot = 0;
  for (const Block::Path& path : block.paths) {
    std::optional<InnerChannels> open;  // No layer has read them yet.
    for (const Primitive& p : path.primitives) {
      if (p.kind == PrimitiveKind::ChannelShuffle) open.reset();
      if (!p.has_weight()) continue;
      if (is_depthwise(p)) {
        if (open) open->rows.push_back(slot);
      } else {
        if (open && p.groups == 1) {
          open->columns = slot;
          all.push_back(*open);
        }
        open.reset();
        if (p.groups == 1) open = InnerChannels{.rows = {slot}};
      }
      ++slot;
    }
  }
  return all;
}

/// The norm of the weights that read each input channel.
torch::Tensor norms_of_columns(const torch::Tensor& weight) {
  return weight.transpose(0, 1).flatten(1).norm(2, 1);
}

}  // namespace

FrozenNetwork with_sorted_channels(const FrozenNetwork& network) {
  const torch::NoGradGuard guard;
  std::vector<FrozenNetwork::Layer> layers = network.layers();
  for (FrozenNetwork::Layer& layer : layers) {
    for (const InnerChannels& channels : inner_channels(layer.block)) {
      torch::Tensor& reader = layer.weights[channels.columns].value;
      const torch::Tensor order = norms_of_columns(reader).argsort(true, 0, true);
      // index_select() returns row-major tensors; convolutions want channels-last.
      const auto layout = reader.suggest_memory_format();
      reader = reader.index_select(1, order).contiguous(layout);
      for (const std::size_t slot : channels.rows) {
        FrozenNetwork::Weight& weight = layer.weights[slot];
        weight.value =
            weight.value.index_select(0, order).contiguous(weight.value.suggest_memory_format());
        if (weight.bias.defined()) weight.bias = weight.bias.index_select(0, order);
      }
    }
  }
  return FrozenNetwork(std::move(layers));
}

}  // namespace hsconas
