#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "hsconas/int8/activation_scale.hpp"
#include "hsconas/onnx/onnx_model.hpp"
#include "hsconas/space/block.hpp"

namespace hsconas {

/// The values of one convolution or linear layer, with batch norm folded in.
struct OnnxWeight {
  using Values = decltype(OnnxTensor::values);
  Values weight;  ///< [out, in / groups, kernel, kernel] or [out, in], row-major.
  Values bias;    ///< [out]; unused by a linear layer without bias.
  /// In an int8 network: the scale of each output channel. `weight` are then int8, `bias` int32.
  std::vector<float> scales{};
};

struct OnnxGraphOptions {
  std::string name;                ///< Name of the graph.
  std::int64_t batch = kAnyBatch;  ///< Images per run; kAnyBatch: any number.
  /// The scales of an int8 network, one per point of every block; null: a network of fp32.
  const ActivationScales* scales = nullptr;
  /// Int8 only: the input are the integers that a block before this chain returns, as uint8.
  bool takes_integers = false;
};

inline constexpr const char* kOnnxInput = "images";

/// Converts the blocks, one after the other, to an ONNX graph with input "images" [batch, channels,
/// size, size] and output "logits" [batch, classes] when the last block is a head, else "features".
/// With scales, values are rounded by QuantizeLinear at every point (see int8/rounding_points.hpp)
/// and enter convolutions, linear layers, poolings and merges through DequantizeLinear, so that a
/// runtime can compute these on integers; "features" are then uint8.
/// `weights(block, slot, p)` is called for every weighted primitive p; slots are counted per block.
/// At least one block must not be an identity.
OnnxModel onnx_graph(std::span<const Block> chain, const OnnxGraphOptions& options,
                     const std::function<OnnxWeight(std::size_t block, std::size_t slot,
                                                    const Primitive& p)>& weights);

}  // namespace hsconas
