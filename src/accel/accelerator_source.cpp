#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/accel/model.hpp"
#include "hsconas/latency/source.hpp"

namespace hsconas {

LatencySource accelerator_source() {
  return {
      .name = "accelerator",
      .meaning = "file of an accelerator design whose cost model predicts latencies",
      .key = "accelerator",
      .file = &LatencyConfig::accelerator,
      .is_modelled = true,
      .describe =
          [](const Config& config) {
            return fmt::format("batch {} by the cost model of {}", config.latency.batch,
                               config.latency.accelerator);
          },
      .identity = json_identity,
      .inputs =
          [](const LatencyConfig& config) {
            return nlohmann::json{{"accelerator", to_json(load_accelerator(config.accelerator))},
                                  {"batch", config.batch}};
          },
      .make =
          [](const Config& config, const LatencySpace& space, const SourceContext& /*context*/) {
            return accelerator_table(space.space_of_layers(),
                                     load_accelerator(config.latency.accelerator),
                                     config.latency.batch);
          }};
}

}  // namespace hsconas
