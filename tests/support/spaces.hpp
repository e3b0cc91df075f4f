#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/files.hpp"
#include "hsconas/space/search_space.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

inline std::filesystem::path source_folder() {
  return HSCONAS_SOURCE_DIR;
}

/// The shipped space configs/spaces/<name>.json.
inline SpaceDescription shipped_description(const std::string& name) {
  return read_space(read_json(source_folder() / "configs" / "spaces" / (name + ".json")));
}

inline SearchSpace shipped_space(const std::string& name) {
  return SearchSpace(shipped_description(name));
}

/// A space of `layers` layers, 16 -> 32 channels at 16x16, with so few choices that it can be
/// enumerated.
inline SpaceDescription tiny_description(int layers = 3) {
  SpaceDescription space;
  space.name = "tiny";
  space.image_size = 16;
  space.classes = 10;
  space.stem = {.channels = 16, .kernel = 3, .stride = 1};
  space.stages = {{.layers = layers, .channels = 32, .stride = 2}};
  space.head = {.channels = 64};
  space.operators = {"shuffle_k3", "xception", "skip"};
  space.widths = {0.5, 1.0};
  return space;
}

inline SearchSpace tiny_space(int layers = 3) {
  return SearchSpace(tiny_description(layers));
}

/// Every combination of operators and widths in `subspace`, canonical or not.
inline std::vector<Architecture> enumerate(const Subspace& subspace) {
  std::vector<Architecture> all{{}};
  for (std::size_t layer = 0; layer < subspace.ops.size(); ++layer) {
    std::vector<Architecture> longer;
    for (const Architecture& arch : all) {
      for (const int op : subspace.ops[layer]) {
        for (const int width : subspace.widths[layer]) {
          longer.push_back(arch);
          longer.back().push_back({op, width});
        }
      }
    }
    all = std::move(longer);
  }
  return all;
}

}  // namespace hsconas
