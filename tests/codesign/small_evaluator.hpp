#pragma once

#include <nlohmann/json.hpp>

#include "hsconas/codesign/design_space.hpp"
#include "hsconas/config/config.hpp"

namespace hsconas {

/// 60 designs, and cost networks for the tiny space that take a second to label and train.
inline DesignSpace few_designs() {
  return DesignSpace(nlohmann::json::parse(R"({"name": "few",
    "dataflow": ["ws-kc", "os-yx", "rs"], "rows": [4, 8, 16, 32], "columns": 8,
    "register_words": [4, 8, 16, 32, 64], "buffer_bytes": 65536, "noc_words": 16,
    "offchip_bytes": 8})"));
}

inline DanceConfig small_evaluator() {
  DanceConfig config;
  config.cost_width = 32;
  config.generator_width = 32;
  config.cost_steps = 300;
  config.generator_steps = 150;
  config.generator_networks = 300;
  config.test_networks = 100;
  config.batch = 64;
  config.evaluator_lr = 0.01;
  return config;
}

}  // namespace hsconas
