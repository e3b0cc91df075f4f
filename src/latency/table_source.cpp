#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/latency/source.hpp"

namespace hsconas {

namespace {

/// Throws Error that names `file`, also if its table is of another space.
LatencyTable load_table_of(const LatencySpace& space, const std::string& file) {
  LatencyTable table = load_table(file);
  naming_errors(file, [&] { const TableModel model(space, table); });
  return table;
}

}  // namespace

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
      .make =
          [](const Config& config, const LatencySpace& space, const SourceContext& /*context*/) {
            return load_table_of(space, config.latency.table);
          }};
}

}  // namespace hsconas
