#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/files.hpp"
#include "hsconas/report/tensorboard.hpp"

namespace hsconas {

/// Writes metrics.jsonl during a run, and optionally a TensorBoard event file in the same folder.
/// Lines are buffered in memory and written in groups. Throws what write_file() throws. Ranks of a
/// group make the same calls (all are collective, see GroupFiles), and rank 0's lines are written.
class MetricsLog {
 public:
  /// With `keep`, appends to the lines in `file`; otherwise starts an empty file.
  MetricsLog(const std::filesystem::path& file, bool keep, bool with_events,
             const GroupFiles& files = {});

  /// Adds a line (see MetricsLine) with the current time.
  void add(nlohmann::json line);
  /// Drops damaged lines and the lines of `stage` after `step`, which a killed process may have
  /// written after its last checkpoint.
  void drop_after(const std::string& stage, std::int64_t step);
  /// Writes the buffered lines.
  void flush();

 private:
  GroupFiles files_;
  GrowingFile lines_;
  std::optional<EventFile> events_;  ///< On rank 0.
  int unsaved_ = 0;                  ///< Number of buffered lines.
};

}  // namespace hsconas
