#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "hsconas/deploy/onnx_model.hpp"
#include "hsconas/space/block.hpp"

namespace hsconas {

/// Where the values of one convolution or linear layer are, batch norm folded into them.
struct OnnxWeight {
  using Values = decltype(OnnxTensor::values);
  Values weight;  ///< [out, in / groups, kernel, kernel] or [out, in], row-major.
  Values bias;    ///< [out]; unused by a linear layer without bias.
};

struct OnnxGraphOptions {
  std::string name;                ///< Of the graph.
  std::int64_t batch = kAnyBatch;  ///< Images per run, or any number.
};

inline constexpr const char* kOnnxInput = "images";

/// The blocks, one after the other, as an ONNX graph, read off their primitives: input "images"
/// [batch, channels, size, size], output "logits" [batch, classes] when the last one is a head,
/// else "features". `weights(block, slot, p)` is asked for every weighted primitive, slots counted
/// per block. At least one block that is no identity.
OnnxModel onnx_graph(std::span<const Block> chain, const OnnxGraphOptions& options,
                     const std::function<OnnxWeight(std::size_t block, std::size_t slot,
                                                    const Primitive& p)>& weights);

}  // namespace hsconas
