#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hsconas/config/config.hpp"

namespace hsconas {

/// A key of the section `latency` that names a file from which latencies come; at most one of these
/// keys is set.
struct LatencyKey {
  std::string key;                     ///< "table"; its full name is path().
  std::string meaning;                 ///< What the file may be, in a line of help.
  std::string LatencyConfig::*file{};  ///< The value.
  bool is_modelled = false;            ///< Latencies are computed: there is nothing to time.

  std::string path() const { return "latency." + key; }
};

/// All of them. The table of sources belongs to the room `latency`, which defines this function:
/// `config` lies below it and only lists the keys.
std::vector<LatencyKey> latency_keys();

/// Whether a file or a column of known latencies is named, so that nothing is measured.
inline bool names_latencies(const LatencyConfig& config) {
  if (!config.column.empty()) return true;
  for (const LatencyKey& key : latency_keys()) {
    if (!(config.*key.file).empty()) return true;
  }
  return false;
}

/// The meaning of one of them.
inline std::string meaning_of_latency_key(std::string_view name) {
  for (const LatencyKey& key : latency_keys()) {
    if (key.key == name) return key.meaning;
  }
  return {};
}

}  // namespace hsconas
