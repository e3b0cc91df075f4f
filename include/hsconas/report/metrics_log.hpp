#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/files.hpp"
#include "hsconas/report/tensorboard.hpp"

namespace hsconas {

/// metrics.jsonl while a run writes it, with the TensorBoard file beside it where that is asked
/// for. Lines gather in memory for a while. Errors are those of write_file().
class MetricsLog {
 public:
  /// Goes on with the lines that `file` holds, or `keep` unset begins anew.
  MetricsLog(const std::filesystem::path& file, bool keep, bool with_events);

  /// Adds a line, see MetricsLine, with the time of now.
  void add(nlohmann::json line);
  /// Drops the lines of `stage` that are later than `step`, which a process that was killed may
  /// have written after its last checkpoint, and lines that are broken.
  void drop_after(const std::string& stage, std::int64_t step);
  /// Writes what has gathered.
  void flush();

 private:
  GrowingFile lines_;
  std::optional<EventFile> events_;
  int unsaved_ = 0;  ///< Lines.
};

}  // namespace hsconas
