#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace hsconas {

/// One line of metrics.jsonl: the measured values of a stage up to a step.
///
/// Keys: `stage` ("supernet", "shrink-1", "search", ...); `step`, the number of training steps
/// done, or of evaluations in a search; `time`, seconds since 1970 when the line was written. Every
/// other number is a value: `loss` (mean since the last line), `lr` and `images_per_second` in
/// training, `best_score`, `mean_score` and, if the method looks for a front, `hypervolume` of a
/// generation in a search.
struct MetricsLine {
  std::string stage;
  std::int64_t step = 0;
  double time = 0.0;  ///< 0 when the line has no time.
  std::map<std::string, double> values;
};

/// Reads one line; values that are not numbers are ignored. Throws Error(Data) unless `object` is a
/// JSON object with a stage and a step.
MetricsLine read_metrics_line(const nlohmann::json& object);

/// The lines of metrics.jsonl without superseded ones. A run that resumes from a checkpoint, or
/// repeats a stage with other settings, writes some steps again: a line that repeats a step of its
/// stage supersedes all lines from that step of the stage on, including those of later stages.
class MetricsHistory {
 public:
  /// Adds a line; returns true when it superseded no earlier line.
  bool add(MetricsLine line);
  const std::vector<MetricsLine>& lines() const { return lines_; }

 private:
  std::vector<MetricsLine> lines_;
};

/// Reads metrics.jsonl; the history is empty when the file does not exist. Throws Error(Data)
/// "FILE:17: <problem>", with the number of the line.
MetricsHistory load_metrics(const std::filesystem::path& file);

}  // namespace hsconas
