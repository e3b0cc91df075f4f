#pragma once

#include <filesystem>

#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/deploy/int8_model.hpp"

namespace hsconas {

/// Writes the network as ONNX (opset 13, IR version 7) including its weights: input "images"
/// [batch, channels, size, size], output "logits" [batch, classes], with any batch size. The
/// values of architecture.json that a user of the model needs (space, arch, classes, mean, std) are
/// metadata properties.
void write_onnx(const std::filesystem::path& file, const DeployedModel& model);

/// Likewise, for the network as int8 (see onnx_graph()): images and logits are still fp32. The
/// metadata also say how the scales were measured.
void write_onnx(const std::filesystem::path& file, const DeployedModel& model,
                const Int8Model& int8);

/// Writes the network as a TorchScript archive, for torch.jit.load in Python and torch::jit::load
/// in C++. Its forward(images) returns logits and runs the operations of FrozenNetwork on the same
/// weights.
void write_torchscript(const std::filesystem::path& file, const DeployedModel& model);

}  // namespace hsconas
