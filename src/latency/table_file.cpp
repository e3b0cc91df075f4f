#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/latency/table.hpp"
#include "largest_time.hpp"

namespace hsconas {

namespace {

constexpr const char* kFormat = "hsconas-latency-2";

double read_not_negative(JsonReader& reader, std::string_view key) {
  const auto value = reader.required<double>(key);
  if (!(std::isfinite(value) && value >= 0.0)) {
    reader.fail(key, fmt::format("must be a finite time >= 0, got {}", value));
  }
  return value;
}

double read_finite(JsonReader& reader, std::string_view key) {
  const auto value = reader.required<double>(key);
  if (!std::isfinite(value)) reader.fail(key, "must be finite");
  return value;
}

double at_most_largest(JsonReader& reader, std::string_view key, double ms) {
  if (std::abs(ms) > kLargestMs) {
    reader.fail(key, fmt::format("must be at most {} ms, got {}", kLargestMs, ms));
  }
  return ms;
}

double read_ms(JsonReader& reader, std::string_view key) {
  return at_most_largest(reader, key, read_not_negative(reader, key));
}

/// A time that a correction may make negative.
double read_corrected_ms(JsonReader& reader, std::string_view key) {
  return at_most_largest(reader, key, read_finite(reader, key));
}

int read_count(JsonReader& reader, std::string_view key) {
  const int count = reader.required<int>(key);
  if (count < 1) reader.fail(key, fmt::format("must be at least 1, got {}", count));
  return count;
}

DeviceInfo read_device(JsonReader reader) {
  DeviceInfo device;
  device.device = reader.required<std::string>("device");
  device.threads = read_count(reader, "threads");
  device.batch = read_count(reader, "batch");
  device.precision = reader.required<std::string>("precision");
  device.versions = reader.required<std::string>("versions");
  device.mode = reader.optional<std::string>("mode", "");
  if (!device.mode.empty() && device.mode != "graph" && device.mode != "eager" &&
      device.mode != "mixed") {
    reader.fail("mode", fmt::format("must be 'graph', 'eager' or 'mixed', got '{}'", device.mode));
  }
  reader.finish();
  return device;
}

nlohmann::json device_json(const DeviceInfo& device) {
  nlohmann::json json = {{"device", device.device},
                         {"threads", device.threads},
                         {"batch", device.batch},
                         {"precision", device.precision},
                         {"versions", device.versions}};
  if (!device.mode.empty()) json["mode"] = device.mode;
  return json;
}

TableEntry read_entry(JsonReader reader, bool by_position) {
  TableEntry entry;
  if (by_position) {
    entry.network_ms = read_ms(reader, "network_ms");
    entry.n = reader.required<int>("n");
    if (entry.n < 0) reader.fail("n", "must not be negative");
    entry.ms = entry.low = entry.high = entry.network_ms;
  } else {
    entry.ms = read_ms(reader, "ms");
    entry.low = read_ms(reader, "low");
    entry.high = read_ms(reader, "high");
    if (entry.low > entry.high) reader.fail("low", "must not exceed high");
    entry.n = read_count(reader, "n");
    entry.network_ms = read_corrected_ms(reader, "network_ms");
  }
  reader.finish();
  return entry;
}

nlohmann::json entry_json(const TableEntry& entry, bool by_position) {
  if (by_position) return {{"network_ms", entry.network_ms}, {"n", entry.n}};
  return {{"ms", entry.ms},
          {"low", entry.low},
          {"high", entry.high},
          {"n", entry.n},
          {"network_ms", entry.network_ms}};
}

MachineNoise read_noise(JsonReader reader) {
  MachineNoise noise;
  noise.reference_ms = read_ms(reader, "reference_ms");
  noise.reference_spread_percent = read_finite(reader, "reference_spread_percent");
  noise.slow_percent = read_finite(reader, "slow_percent");
  noise.drift_percent = read_finite(reader, "drift_percent");
  noise.other_cpus = read_finite(reader, "other_cpus");
  noise.cpus = read_finite(reader, "cpus");
  reader.finish();
  return noise;
}

nlohmann::json noise_json(const MachineNoise& noise) {
  return {{"reference_ms", noise.reference_ms},
          {"reference_spread_percent", noise.reference_spread_percent},
          {"slow_percent", noise.slow_percent},
          {"drift_percent", noise.drift_percent},
          {"other_cpus", noise.other_cpus},
          {"cpus", noise.cpus}};
}

/// JSON has no NaN; nlohmann writes null for it.
std::vector<FitTrial> read_trials(JsonReader& root) {
  std::vector<FitTrial> trials;
  const auto list = root.required<nlohmann::json>("trials");
  if (!list.is_array()) root.fail("trials", "must be a list");
  for (std::size_t i = 0; i < list.size(); ++i) {
    JsonReader reader(list[i], fmt::format("trials[{}]", i), ErrorKind::Data);
    FitTrial trial{.form = reader.required<std::string>("form")};
    const auto percent = reader.required<nlohmann::json>("left_out_percent");
    if (!percent.is_null() && !percent.is_number()) {
      reader.fail("left_out_percent", "must be a number or null");
    }
    trial.left_out_percent =
        percent.is_null() ? std::numeric_limits<double>::quiet_NaN() : percent.get<double>();
    reader.finish();
    trials.push_back(std::move(trial));
  }
  return trials;
}

nlohmann::json trials_json(const std::vector<FitTrial>& trials) {
  nlohmann::json list = nlohmann::json::array();
  for (const FitTrial& trial : trials) {
    list.push_back({{"form", trial.form}, {"left_out_percent", trial.left_out_percent}});
  }
  return list;
}

std::vector<MeasuredNetwork> read_networks(JsonReader& root, const std::string& key) {
  const auto list = root.required<nlohmann::json>(key);
  if (!list.is_array()) root.fail(key, "must be a list of networks");
  std::vector<MeasuredNetwork> networks;
  for (std::size_t i = 0; i < list.size(); ++i) {
    JsonReader reader(list[i], fmt::format("{}[{}]", key, i), ErrorKind::Data);
    MeasuredNetwork network;
    network.arch = reader.required<std::string>("arch");
    network.sum_ms = read_ms(reader, "sum_ms");
    network.predicted_ms = read_corrected_ms(reader, "predicted_ms");
    network.measured_ms = read_ms(reader, "measured_ms");
    network.again_ms = read_ms(reader, "again_ms");
    reader.finish();
    networks.push_back(std::move(network));
  }
  return networks;
}

nlohmann::json networks_json(const std::vector<MeasuredNetwork>& networks) {
  nlohmann::json list = nlohmann::json::array();
  for (const MeasuredNetwork& network : networks) {
    list.push_back({{"arch", network.arch},
                    {"sum_ms", network.sum_ms},
                    {"predicted_ms", network.predicted_ms},
                    {"measured_ms", network.measured_ms},
                    {"again_ms", network.again_ms}});
  }
  return list;
}

LatencyTable read_fields(const nlohmann::json& json) {
  if (!json.is_object()) throw Error(ErrorKind::Data, "must be a JSON object");
  JsonReader root(json, "", ErrorKind::Data);
  const auto format = root.required<std::string>("format");
  if (format != kFormat) {
    root.fail("format",
              fmt::format("must be '{}', got '{}'; measure the table again", kFormat, format));
  }
  LatencyTable table;
  table.space = root.required<std::string>("space");
  table.device = read_device(root.child("device"));
  const auto by = root.required<std::string>("entries_by");
  if (by != "block" && by != "position") {
    root.fail("entries_by", fmt::format("must be 'block' or 'position', got '{}'", by));
  }
  table.by_position = by == "position";
  JsonReader entries = root.child("entries");
  for (const auto& item : json.at("entries").items()) {
    table.entries.emplace(item.key(), read_entry(entries.child(item.key()), table.by_position));
  }
  table.bias_ms = read_corrected_ms(root, "bias_ms");
  table.form = root.required<std::string>("form");
  table.trials = read_trials(root);
  table.error_percent = read_not_negative(root, "error_percent");
  table.dead = read_dead_operators(root.required<std::string>("dead_operators"));
  if (json.contains("pairs")) {
    JsonReader pairs = root.child("pairs");
    for (const auto& item : json.at("pairs").items()) {
      table.pairs.emplace(item.key(), read_corrected_ms(pairs, item.key()));
    }
    pairs.finish();
  }
  table.noise = read_noise(root.child("noise"));
  table.calibration = read_networks(root, "calibration");
  table.test = read_networks(root, "test");
  table.test_spread = read_networks(root, "test_spread");
  root.finish();
  return table;
}

}  // namespace

nlohmann::json to_json(const LatencyTable& table) {
  nlohmann::json entries = nlohmann::json::object();
  for (const auto& [key, entry] : table.entries) {
    entries[key] = entry_json(entry, table.by_position);
  }
  nlohmann::json json = {{"format", kFormat},
                         {"space", table.space},
                         {"device", device_json(table.device)},
                         {"entries_by", table.by_position ? "position" : "block"},
                         {"entries", entries},
                         {"bias_ms", table.bias_ms},
                         {"form", table.form},
                         {"trials", trials_json(table.trials)},
                         {"error_percent", table.error_percent},
                         {"dead_operators", to_string(table.dead)},
                         {"noise", noise_json(table.noise)},
                         {"calibration", networks_json(table.calibration)},
                         {"test", networks_json(table.test)},
                         {"test_spread", networks_json(table.test_spread)}};
  if (!table.pairs.empty()) json["pairs"] = table.pairs;
  return json;
}

LatencyTable read_table(const nlohmann::json& json, const std::string& source) {
  try {
    return read_fields(json);
  } catch (const Error& error) {
    throw Error(ErrorKind::Data, source + ": " + error.what());
  }
}

LatencyTable load_table(const std::filesystem::path& path) {
  return read_table(read_json(path), path.string());
}

}  // namespace hsconas
