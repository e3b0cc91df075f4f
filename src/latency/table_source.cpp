#include <nlohmann/json.hpp>

#include "hsconas/latency/source.hpp"

namespace hsconas {

LatencySource table_source() {
  return {
      .name = "table",
      .meaning = "file of a latency table to use",
      .key = "table",
      .file = &LatencyConfig::table,
      .describe = [](const Config& config) { return "from the table " + config.latency.table; },
      .identity = json_identity,
      .inputs =
          [](const LatencyConfig& config) {
            return nlohmann::json{{"table", json_identity(config.table)}};
          },
      .make = [](const Config& config, const LatencySpace& /*space*/,
                 const SourceContext& /*context*/) { return load_table(config.latency.table); }};
}

}  // namespace hsconas
