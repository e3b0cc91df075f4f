#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/latency/table.hpp"

namespace hsconas {

namespace {

constexpr const char* kFormat = "hsconas-latency-1";

double read_ms(JsonReader& reader, std::string_view key) {
  const auto ms = reader.required<double>(key);
  if (!(std::isfinite(ms) && ms >= 0.0)) {
    reader.fail(key, fmt::format("must be a finite time >= 0, got {}", ms));
  }
  return ms;
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
  reader.finish();
  return device;
}

TableEntry read_entry(JsonReader reader) {
  TableEntry entry;
  entry.ms = read_ms(reader, "ms");
  entry.low = read_ms(reader, "low");
  entry.high = read_ms(reader, "high");
  if (entry.low > entry.high) reader.fail("low", "must not exceed high");
  entry.n = read_count(reader, "n");
  reader.finish();
  return entry;
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
    network.measured_ms = read_ms(reader, "measured_ms");
    reader.finish();
    networks.push_back(std::move(network));
  }
  return networks;
}

LatencyTable read_fields(const nlohmann::json& json) {
  if (!json.is_object()) throw Error(ErrorKind::Data, "must be a JSON object");
  JsonReader root(json, "", ErrorKind::Data);
  const auto format = root.required<std::string>("format");
  if (format != kFormat) {
    root.fail("format", fmt::format("must be '{}', got '{}'", kFormat, format));
  }
  LatencyTable table;
  table.space = root.required<std::string>("space");
  table.device = read_device(root.child("device"));
  table.bias_ms = root.required<double>("bias_ms");
  if (!std::isfinite(table.bias_ms)) root.fail("bias_ms", "must be finite");
  JsonReader entries = root.child("entries");
  for (const auto& item : json.at("entries").items()) {
    table.entries.emplace(item.key(), read_entry(entries.child(item.key())));
  }
  table.calibration = read_networks(root, "calibration");
  table.test = read_networks(root, "test");
  root.finish();
  return table;
}

nlohmann::json networks_json(const std::vector<MeasuredNetwork>& networks) {
  nlohmann::json list = nlohmann::json::array();
  for (const MeasuredNetwork& network : networks) {
    list.push_back(
        {{"arch", network.arch}, {"sum_ms", network.sum_ms}, {"measured_ms", network.measured_ms}});
  }
  return list;
}

}  // namespace

nlohmann::json to_json(const LatencyTable& table) {
  nlohmann::json entries = nlohmann::json::object();
  for (const auto& [key, entry] : table.entries) {
    entries[key] = {{"ms", entry.ms}, {"low", entry.low}, {"high", entry.high}, {"n", entry.n}};
  }
  return {{"format", kFormat},
          {"space", table.space},
          {"device",
           {{"device", table.device.device},
            {"threads", table.device.threads},
            {"batch", table.device.batch},
            {"precision", table.device.precision},
            {"versions", table.device.versions}}},
          {"bias_ms", table.bias_ms},
          {"entries", entries},
          {"calibration", networks_json(table.calibration)},
          {"test", networks_json(table.test)}};
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
