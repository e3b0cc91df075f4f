#include <algorithm>

#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "hsconas/config/latency_keys.hpp"
#include "hsconas/latency/source.hpp"

// The table: X(name) is the source that name_source() in src/latency/name_source.cpp describes. One
// that needs a higher room lies there, such as src/accel/accelerator_source.cpp.
#define HSCONAS_LATENCY_SOURCES(X) \
  X(measured)                      \
  X(table)                         \
  X(networks)                      \
  X(accelerator)

namespace hsconas {

#define HSCONAS_DECLARE(name) LatencySource name##_source();
HSCONAS_LATENCY_SOURCES(HSCONAS_DECLARE)
#undef HSCONAS_DECLARE

std::span<const LatencySource> latency_sources() {
#define HSCONAS_ROW(name) name##_source(),
  static const LatencySource sources[] = {HSCONAS_LATENCY_SOURCES(HSCONAS_ROW)};
#undef HSCONAS_ROW
  return sources;
}

const LatencySource& latency_source(const LatencyConfig& config) {
  const LatencySource* chosen = nullptr;
  for (const LatencySource& source : latency_sources()) {
    const bool is_of_file = source.file != nullptr;
    if (is_of_file && (config.*source.file).empty()) continue;
    if (source.recognises != nullptr) {
      if (source.recognises(config.*source.file)) return source;
    } else if (chosen == nullptr || chosen->file == nullptr) {
      chosen = &source;  // A file goes before measuring.
    }
  }
  if (chosen == nullptr) throw Error(ErrorKind::Internal, "no source of latencies without a file");
  return *chosen;
}

LatencyConfig with_table(LatencyConfig config, const std::string& file) {
  for (const LatencyKey& key : latency_keys()) (config.*key.file).clear();
  config.table = file;
  return config;
}

std::string json_identity(const std::string& file) {
  return fingerprint(read_json_or_shipped(file).dump());
}

std::vector<LatencyKey> latency_keys() {
  std::vector<LatencyKey> keys;
  for (const LatencySource& source : latency_sources()) {
    if (source.file == nullptr) continue;
    const auto known = std::find_if(keys.begin(), keys.end(),
                                    [&](const LatencyKey& key) { return key.key == source.key; });
    if (known != keys.end()) {
      known->meaning += ", or ";
      known->meaning += source.meaning;
      continue;
    }
    keys.push_back({.key = std::string(source.key),
                    .meaning = std::string(source.meaning),
                    .file = source.file,
                    .is_modelled = source.is_modelled});
  }
  return keys;
}

}  // namespace hsconas
