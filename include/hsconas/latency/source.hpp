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

/// What a source may use besides the config and the space.
struct SourceContext {
  Log& log;  ///< What is worth knowing about the table: its error, doubts, warnings.
  const StopToken& stop;
  /// Opens the device whose latency counts. Only a source that measures needs it.
  std::function<std::unique_ptr<OpTimer>()> open_timer{};
};

/// A row of the table of sources: one way to come by a latency table.
struct LatencySource {
  std::string_view name;     ///< "measured", "table": no two rows share it.
  std::string_view meaning;  ///< What the key's file is, in a line of help.
  std::string_view key{};    ///< The key of `latency` that names its file; empty: it needs none.
  std::string LatencyConfig::*file = nullptr;  ///< The key's value; null where there is no key.
  /// Several sources can share a key: this says, by its content, whether a file is of this one.
  /// Null is the source of all files that no other recognises. A file may be absent or broken.
  bool (*recognises)(const std::string& file) = nullptr;
  bool is_measured = false;  ///< On the device, which takes long: only a run does it, and keeps it.
  bool is_modelled = false;  ///< Computed: there is nothing to time networks on. Same for a key.

  /// Where latencies come from, in the plan of --dry-run.
  std::string (*describe)(const Config& config) = nullptr;
  /// What the file holds, as a fingerprint. Null where there is none.
  std::string (*identity)(const std::string& file) = nullptr;
  /// All that the table depends on besides the space; null: the settings of the section `latency`.
  nlohmann::json (*inputs)(const LatencyConfig& config) = nullptr;
  /// The table. Throws Error that names the file, what is wrong with it and the remedy.
  LatencyTable (*make)(const Config& config, const LatencySpace& space,
                       const SourceContext& context) = nullptr;
};

/// All of them, in the order in which help lists them. To add one, write
/// src/latency/<name>_source.cpp and add a line to the list in src/latency/sources.cpp.
std::span<const LatencySource> latency_sources();

/// The source that a config chooses: that of the file that it names; without one, measuring.
const LatencySource& latency_source(const LatencyConfig& config);

/// `config` with `file` as its source, in place of any other, as latency.table=FILE sets it.
LatencyConfig with_table(LatencyConfig config, const std::string& file);

/// The identity of a JSON file: spaces and the order of keys do not count.
std::string json_identity(const std::string& file);

}  // namespace hsconas
