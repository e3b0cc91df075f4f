#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/latency_space.hpp"
#include "hsconas/latency/op_timer.hpp"
#include "hsconas/latency/table.hpp"

namespace hsconas {

/// The services that a source can use in addition to the config and the space.
struct SourceContext {
  Log& log;  ///< Receives the error of the fitted table, and warnings about it.
  const StopToken& stop;
  /// Opens the device whose latency counts. Only a source that measures calls it.
  std::function<std::unique_ptr<OpTimer>()> open_timer{};
};

/// A row of the table of sources: one way to obtain a latency table.
struct LatencySource {
  std::string_view name;     ///< Unique, such as "measured" or "table".
  std::string_view meaning;  ///< Describes the file of the key, for the help.
  std::string_view key{};    ///< The key of `latency` that names the file; empty: no file.
  std::string LatencyConfig::*file = nullptr;  ///< The key's value; null where there is no key.
  /// Several sources can share a key. This function looks into the file and returns whether it
  /// belongs to this source; the file may be absent or damaged. The source without such a function
  /// gets the files that no other one recognises.
  bool (*recognises)(const std::string& file) = nullptr;
  /// The table is timed on the device. That takes long, so only a run does it, and keeps it.
  bool is_measured = false;
  /// The table is computed, so that no network can be timed. Equal for all rows of a key.
  bool is_modelled = false;

  /// Where latencies come from, in the plan of --dry-run.
  std::string (*describe)(const Config& config) = nullptr;
  /// The fingerprint of the file's content. Null if the source reads no file.
  std::string (*identity)(const std::string& file) = nullptr;
  /// Everything besides the space on which the table depends. Null: the whole section `latency`.
  nlohmann::json (*inputs)(const LatencyConfig& config) = nullptr;
  /// Makes the table, in milliseconds per batch of `device.batch` images. Throws an Error
  /// that names the file, the problem and the remedy.
  LatencyTable (*make)(const Config& config, const LatencySpace& space,
                       const SourceContext& context) = nullptr;
};

/// All sources, in the order in which the help lists them. To add one, write
/// src/latency/<name>_source.cpp and add a line to the list in src/latency/sources.cpp.
std::span<const LatencySource> latency_sources();

/// The source of the file that `config` names; if it names none, the one that measures.
const LatencySource& latency_source(const LatencyConfig& config);

/// `config` with `file` as its source, in place of any other, as latency.table=FILE sets it.
LatencyConfig with_table(LatencyConfig config, const std::string& file);

/// The identity of a JSON file: spaces and the order of keys do not count.
std::string json_identity(const std::string& file);

}  // namespace hsconas
