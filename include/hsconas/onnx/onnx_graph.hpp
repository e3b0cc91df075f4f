#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "hsconas/onnx/onnx_model.hpp"
#include "hsconas/space/block.hpp"

namespace hsconas {

/// The values of one convolution or linear layer, with batch norm folded in.
struct OnnxWeight {
  using Values = decltype(OnnxTensor::values);
  Values weight;  ///< [out, in / groups, kernel, kernel] or [out, in], row-major.
  Values bias;    ///< [out]; unused by a linear layer without bias.
};

struct OnnxGraphOptions {
  std::string name;                ///< Name of the graph.
  std::int64_t batch = kAnyBatch;  ///< Images per run; kAnyBatch: any number.
};

inline constexpr const char* kOnnxInput = "images";

/// Converts the blocks, one after the other, to an ONNX graph with input "images" [batch, channels,
/// size, size] and output "logits" [batch, classes] when the last block is a head, else "features".
/// `weights(block, slot, p)` is called for every weighted primitive p; slots are counted per block.
/// At least one block must not be an identity.
OnnxModel onnx_graph(std::span<const Block> chain, const OnnxGraphOptions& options,
                     const std::function<OnnxWeight(std::size_t block, std::size_t slot,
                                                    const Primitive& p)>& weights);

}  // namespace hsconas
