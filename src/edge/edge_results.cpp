#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/edge/edge_kit.hpp"
#include "hsconas/latency/import.hpp"
#include "hsconas/latency/table_fit.hpp"

namespace hsconas {

namespace {

/// The number in an optional column; `fallback` when the cell is empty or the column is missing.
double optional_number(const CsvTable& csv, std::size_t row, const char* name, double fallback) {
  if (!csv.has(name)) return fallback;
  const std::size_t column = csv.column(name);
  return csv.text(row, column).empty() ? fallback : csv.number(row, column);
}

/// Times by file name. Throws Error(Data) for a file that is not in the kit or is given twice, and
/// for a time that is not above 0.
std::map<std::string, TableEntry> read_times(const CsvTable& csv, const EdgeKit& kit) {
  const std::size_t file = csv.column("file");
  const std::size_t ms = csv.column("ms");
  std::map<std::string, TableEntry> times;
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    const std::string& name = csv.text(row, file);
    const bool is_known = std::any_of(kit.models.begin(), kit.models.end(),
                                      [&](const KitModel& model) { return model.file == name; });
    if (!is_known) csv.fail(row, file, fmt::format("{} is no model of this kit", name));
    if (times.contains(name)) csv.fail(row, file, fmt::format("{} is given twice", name));
    const double value = csv.number(row, ms);
    if (value <= 0.0) csv.fail(row, ms, fmt::format("must be a time > 0, got {}", value));
    times[name] = {.ms = value,
                   .low = optional_number(csv, row, "low", value),
                   .high = optional_number(csv, row, "high", value),
                   .n = static_cast<int>(optional_number(csv, row, "n", 1)),
                   .network_ms = value};
  }
  return times;
}

void require_all(const std::map<std::string, TableEntry>& times, const EdgeKit& kit,
                 const std::string& source) {
  std::size_t missing = 0;
  std::string first;
  for (const KitModel& model : kit.models) {
    if (times.contains(model.file)) continue;
    if (missing++ == 0) first = fmt::format("{} ({})", model.file, model.key);
  }
  if (missing == 0) return;
  throw Error(ErrorKind::Data,
              fmt::format("{}: lacks the times of {} of the kit's {} models, first {}; let the "
                          "runner finish on the device",
                          source, missing, kit.models.size(), first));
}

}  // namespace

LatencyTable table_of_results(const std::filesystem::path& results, const EdgeKit& kit,
                              const DeviceInfo& device) {
  const CsvTable csv = CsvTable::load(results);
  const auto times = read_times(csv, kit);
  require_all(times, kit, csv.source());
  const SearchSpace space(kit.space);
  LatencyTable table{.space = kit.space.name, .device = device};
  table.device.batch = kit.batch;
  if (kit.is_int8) table.device.precision = kInt8Precision;
  MeasurementSplit networks;
  std::size_t random_count = 0;
  for (const char* role :
       {"test", "spread", "fit"}) {  // Random test networks come before spread ones.
    for (const KitModel& model : kit.models) {
      if (model.role != role) continue;
      auto& part = model.role == "fit" ? networks.fit : networks.test;
      part.push_back({space.decode(model.key), times.at(model.file).ms});
      random_count += model.role == "test" ? 1 : 0;
    }
  }
  for (const KitModel& model : kit.models) {
    if (model.role == "block") table.entries[model.key] = times.at(model.file);
  }
  if (networks.fit.size() < 2) return table;
  correct_table(table, LatencySpace(space), networks);
  const auto cut = table.test.begin() + static_cast<std::ptrdiff_t>(random_count);
  table.test_spread.assign(cut, table.test.end());
  table.test.erase(cut, table.test.end());
  return table;
}

}  // namespace hsconas
