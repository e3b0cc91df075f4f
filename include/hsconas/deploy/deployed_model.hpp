#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/data/transform.hpp"
#include "hsconas/space/search_space.hpp"
#include "hsconas/supernet/frozen_network.hpp"

namespace hsconas {

/// A trained network with everything that using it takes. In a folder it is two files:
/// - model.safetensors: "<block>.<slot>.weight" and ".bias" of every convolution and linear layer,
///   blocks "stem", "layer0", ..., "head", slots counted per block, batch norm folded in;
/// - architecture.json, format "hsconas-architecture-1": the space, the architecture, the classes
///   and how images become inputs.
struct DeployedModel {
  SpaceDescription space;
  Architecture arch;
  FrozenNetwork network;
  std::vector<std::string> classes;  ///< Index = label.
  Pixels normalisation;              ///< Inputs are (pixel / 255 - mean) / std.
  std::string weights;               ///< "supernet" (shared weights) or "retrained".
};

inline constexpr const char* kModelFile = "model.safetensors";
inline constexpr const char* kArchitectureFile = "architecture.json";

/// What architecture.json holds.
nlohmann::json describe_model(const DeployedModel& model);

/// Writes `tensors` (kModelFile or another name) and architecture.json beside it.
void save_model(const std::filesystem::path& tensors, const DeployedModel& model);

/// Reads the two files in `folder`. Throws Error(Data) that names the file at fault: missing,
/// damaged, or tensors that do not fit the architecture.
DeployedModel load_model(const std::filesystem::path& folder);

}  // namespace hsconas
