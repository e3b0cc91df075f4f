#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/data/transform.hpp"
#include "hsconas/space/search_space.hpp"
#include "hsconas/supernet/frozen_network.hpp"

namespace hsconas {

/// A trained network with everything needed to use it. On disk it is a folder with two files:
/// - model.safetensors: "<block>.<slot>.weight" and "<block>.<slot>.bias" of every convolution and
///   linear layer, with batch norm folded in. Blocks are "stem", "layer0", ..., "head"; slots are
///   counted per block.
/// - architecture.json, format "hsconas-architecture-1": the space, the architecture, the classes
///   and how images become inputs.
struct DeployedModel {
  SpaceDescription space;
  Architecture arch;
  FrozenNetwork network;
  std::vector<std::string> classes;  ///< Index = label.
  Pixels normalisation;              ///< Inputs are (pixel / 255 - mean) / std.
  std::string weights;               ///< "supernet" (shared), "retrained" or kCompressedWeights.
};

inline constexpr const char* kCompressedWeights = "compressed";  ///< By codesign.method compress.
inline constexpr const char* kModelFile = "model.safetensors";
inline constexpr const char* kArchitectureFile = "architecture.json";

/// The contents of architecture.json.
nlohmann::json describe_model(const DeployedModel& model);

/// Writes the weights to the file `tensors` (usually kModelFile) and architecture.json to the same
/// folder.
void save_model(const std::filesystem::path& tensors, const DeployedModel& model);

/// Reads the two files in `folder`. Throws Error(Data) that names the file when one is missing or
/// damaged, or its tensors do not fit the architecture.
DeployedModel load_model(const std::filesystem::path& folder);

}  // namespace hsconas
