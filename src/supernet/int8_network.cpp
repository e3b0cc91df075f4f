#include "hsconas/supernet/int8_network.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "frozen_runner.hpp"
#include "hsconas/int8/rounding_points.hpp"
#include "hsconas/supernet/run_block.hpp"

namespace hsconas {

namespace {

/// The smallest and the largest value at a point; `low` is NaN if a value is not finite.
struct ValueRange {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void cover(const torch::Tensor& values) {
    // The smallest value may hide a NaN, the sum does not.
    if (std::isnan(low) || !std::isfinite(values.sum().item<double>())) {
      low = std::numeric_limits<double>::quiet_NaN();
      return;
    }
    const auto [least, most] = torch::aminmax(values);
    low = std::min(low, least.item<double>());
    high = std::max(high, most.item<double>());
  }
};

/// Calls `at_point(n, x)` for the n-th point of the block with its value, and continues with what
/// it returns.
template <typename AtPoint>
struct PointRunner : FrozenRunner {
  AtPoint at_point;
  std::size_t next = 0;

  torch::Tensor after(const Block::Path& path, std::size_t i, const torch::Tensor& x) {
    return is_point(path, i) ? at_point(next++, x) : x;
  }
  torch::Tensor merged(const Block& block, const torch::Tensor& x) {
    return merges_at_point(block) ? at_point(next++, x) : x;
  }
};

template <typename AtPoint>
torch::Tensor run_with_points(const FrozenNetwork::Layer& layer, const torch::Tensor& x,
                              AtPoint at_point) {
  PointRunner<AtPoint> runner{{layer.weights}, std::move(at_point)};
  // As in FrozenNetwork::forward().
  const bool is_image = x.dim() == 4;
  return run_block(layer.block, is_image ? x.contiguous(torch::MemoryFormat::ChannelsLast) : x,
                   runner);
}

/// The numbers that the integers nearest to `x` stand for.
torch::Tensor rounded(const torch::Tensor& x, const ActivationScale& scale) {
  return torch::div(x, scale.scale)
      .round_()
      .clamp_(-scale.zero_point, kLargestActivation - scale.zero_point)
      .mul_(scale.scale);
}

std::span<const float> values_of(const torch::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// The real numbers for which integers stand; `scales` is one per row.
template <typename Integer>
torch::Tensor reals(const std::vector<Integer>& integers, torch::IntArrayRef shape,
                    const std::vector<float>& scales) {
  torch::Tensor tensor = torch::empty(shape, torch::kFloat);
  auto* data = tensor.data_ptr<float>();
  const std::size_t row = integers.size() / scales.size();
  for (std::size_t i = 0; i < integers.size(); ++i) {
    data[i] = scales[i / row] * static_cast<float>(integers[i]);
  }
  return tensor;
}

FrozenNetwork::Weight real_weight(const IntegerWeights& weights, const Primitive& p,
                                  const ActivationScale& input) {
  FrozenNetwork::Weight real;
  if (p.kind == PrimitiveKind::Conv) {
    real.value = reals(weights.values, {p.out_channels, p.inputs_per_output(), p.kernel, p.kernel},
                       weights.scales)
                     .contiguous(torch::MemoryFormat::ChannelsLast);
  } else {
    real.value = reals(weights.values, {p.out_channels, p.in_channels}, weights.scales);
  }
  if (weights.bias.empty()) return real;
  std::vector<float> steps = weights.scales;
  for (float& step : steps) step *= input.scale;
  real.bias = reals(weights.bias, {p.out_channels}, steps);
  return real;
}

FrozenNetwork real_network(const IntegerNetwork& network) {
  std::vector<FrozenNetwork::Layer> layers;
  ActivationScale scale = network.scales.input;
  for (std::size_t i = 0; i < network.blocks.size(); ++i) {
    FrozenNetwork::Layer layer{.block = network.blocks[i], .weights = {}};
    scale = for_each_weighted_input(
        layer.block, scale, network.scales.points[i],
        [&](const Primitive& p, const ActivationScale& input) {
          layer.weights.push_back(real_weight(network.weights[i][layer.weights.size()], p, input));
        });
    layers.push_back(std::move(layer));
  }
  return FrozenNetwork(std::move(layers));
}

}  // namespace

ActivationScales measure_scales(const FrozenNetwork& network,
                                const std::vector<torch::Tensor>& batches) {
  const c10::InferenceMode guard;
  ValueRange images;
  std::vector<std::vector<ValueRange>> ranges;
  for (const auto& layer : network.layers()) ranges.emplace_back(points_of(layer.block).size());
  for (const torch::Tensor& batch : batches) {
    images.cover(batch);
    torch::Tensor x = batch;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      x = run_with_points(network.layers()[i], x,
                          [&](std::size_t point, const torch::Tensor& value) {
                            ranges[i][point].cover(value);
                            return value;
                          });
    }
  }
  ActivationScales scales{.input = activation_scale(images.low, images.high), .points = {}};
  for (const auto& block : ranges) {
    auto& points = scales.points.emplace_back();
    for (const ValueRange& range : block) points.push_back(activation_scale(range.low, range.high));
  }
  return scales;
}

IntegerNetwork quantise(const FrozenNetwork& network, ActivationScales scales,
                        const WeightBits& bits) {
  std::vector<Block> blocks;
  for (const auto& layer : network.layers()) blocks.push_back(layer.block);
  std::vector<torch::Tensor> kept;  // Row-major copies, while their values are read.
  const auto values = [&kept](const torch::Tensor& tensor) -> std::span<const float> {
    if (!tensor.defined()) return {};
    kept.push_back(tensor.detach().cpu().to(torch::kFloat).contiguous());
    return values_of(kept.back());
  };
  return quantise(
      std::move(blocks), std::move(scales),
      [&](std::size_t block, std::size_t slot, const Primitive&) {
        kept.clear();
        const FrozenNetwork::Weight& weight = network.layers()[block].weights[slot];
        return RealWeights{values(weight.value), values(weight.bias)};
      },
      bits);
}

Int8Network::Int8Network(const IntegerNetwork& network, torch::Device device)
    : scales_(network.scales), network_(real_network(network).to(device)) {}

torch::Tensor Int8Network::forward(const torch::Tensor& input) const {
  const c10::InferenceMode guard;
  torch::Tensor x = rounded(input, scales_.input);
  for (std::size_t i = 0; i < network_.layers().size(); ++i) {
    x = run_with_points(network_.layers()[i], x,
                        [&](std::size_t point, const torch::Tensor& value) {
                          return rounded(value, scales_.points[i][point]);
                        });
  }
  return x;
}

}  // namespace hsconas
