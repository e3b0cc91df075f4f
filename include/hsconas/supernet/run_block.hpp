#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <torch/types.h>

#include "hsconas/space/block.hpp"

namespace hsconas {

/// The channels of `x` [N, C, H, W] that a branch reads, as a view.
inline torch::Tensor select_source(const torch::Tensor& x, Source source) {
  switch (source) {
    case Source::All:
      return x;
    case Source::EvenChannels:
      return x.slice(1, 0, x.size(1), 2);
    case Source::OddChannels:
      return x.slice(1, 1, x.size(1), 2);
  }
  return x;
}

/// Interleaves the channels of the `groups` groups of `x` [N, C, H, W] (ShuffleNet, 2018).
inline torch::Tensor shuffle_channels(const torch::Tensor& x, int groups) {
  const auto n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
  // In NHWC order the channels are contiguous, so the result stays channels-last.
  return x.permute({0, 2, 3, 1})
      .reshape({n, h, w, groups, c / groups})
      .transpose(3, 4)
      .reshape({n, h, w, c})
      .permute({0, 3, 1, 2});
}

/// Runs a block as tensor operations. Training, calibration and inference differ only in their
/// `Runner`, which implements the primitives that have weights or state:
///   conv(p, slot, x), linear(p, slot, x)  slot is the index among the block's weighted primitives;
///   batch_norm(p, slot, x)                slot is the index among its batch norms;
///   relu(x)                               may work in place, for inference;
///   take_units(primitives, slot, x)       optional: may run the units (convolution with batch
///   norm)
///                                         at the beginning of `primitives`, with an average
///                                         pooling before them, remove all these and return the
///                                         number of units. When it returns 0, `x` must suit the
///                                         functions above;
///   after(path, i, x), merged(block, x)   optional: return what takes the place of x, the output
///   of
///                                         path.primitives[i] or that of the block.
/// `input` is [N, in_channels, in_size, in_size]; returns [N, out_channels, out_size, out_size], or
/// [N, classes] for the head.
template <typename Runner>
torch::Tensor run_block(const Block& block, const torch::Tensor& input, Runner& runner) {
  std::vector<torch::Tensor> outputs;
  std::size_t weight_slot = 0;
  std::size_t norm_slot = 0;
  for (const Block::Path& path : block.paths) {
    torch::Tensor x = select_source(input, path.source);
    for (std::span<const Primitive> left = path.primitives; !left.empty();) {
      if constexpr (requires { runner.take_units(left, weight_slot, x); }) {
        const std::size_t units = runner.take_units(left, weight_slot, x);
        weight_slot += units;
        norm_slot += units;
        if (units > 0) continue;
      }
      const Primitive& p = left.front();
      left = left.subspan(1);
      switch (p.kind) {
        case PrimitiveKind::Conv:
          x = runner.conv(p, weight_slot++, x);
          break;
        case PrimitiveKind::Linear:
          x = runner.linear(p, weight_slot++, x);
          break;
        case PrimitiveKind::BatchNorm:
          x = runner.batch_norm(p, norm_slot++, x);
          break;
        case PrimitiveKind::Relu:
          x = runner.relu(x);
          break;
        case PrimitiveKind::AvgPool:
          x = torch::avg_pool2d(x, p.kernel, p.stride, p.kernel / 2);
          break;
        case PrimitiveKind::ChannelShuffle:
          x = shuffle_channels(x, p.groups);
          break;
        case PrimitiveKind::GlobalAvgPool:
          x = x.mean({2, 3});
          break;
      }
      if constexpr (requires { runner.after(path, std::size_t{0}, x); }) {
        x = runner.after(path, path.primitives.size() - left.size() - 1, x);
      }
    }
    outputs.push_back(std::move(x));
  }
  torch::Tensor y = block.merge == Merge::AddInput ? outputs.front() + input
                    : outputs.size() == 1          ? outputs.front()
                                                   : torch::cat(outputs, 1);
  if constexpr (requires { runner.merged(block, y); }) return runner.merged(block, y);
  return y;
}

}  // namespace hsconas
