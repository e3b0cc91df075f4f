#pragma once

#include <filesystem>

#include "hsconas/deploy/deployed_model.hpp"

namespace hsconas {

/// Writes the network as ONNX (opset 13, IR 7), weights inside: input "images" [batch, C, S, S],
/// output "logits" [batch, classes], any batch. The keys of architecture.json that a caller needs
/// (classes, mean, std, arch) are metadata properties.
void write_onnx(const std::filesystem::path& file, const DeployedModel& model);

/// Writes the network as a TorchScript archive, for torch.jit.load in Python and torch::jit::load
/// in C++: forward(images) returns logits. The same operations on the same weights as
/// FrozenNetwork's.
void write_torchscript(const std::filesystem::path& file, const DeployedModel& model);

}  // namespace hsconas
