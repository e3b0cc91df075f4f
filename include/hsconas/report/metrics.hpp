#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace hsconas {

/// One line of metrics.jsonl: what a stage was like up to a step.
///
/// Keys: `stage` ("supernet", "shrink-1", "search", ...); `step`, training steps done, in the
/// search evaluations; `time`, seconds since 1970 when it was written; every other number is a
/// value: `loss` (mean since the last line), `lr`, `images_per_second`; `best_score` and
/// `mean_score` of a generation of the search.
struct MetricsLine {
  std::string stage;
  std::int64_t step = 0;
  double time = 0.0;  ///< 0 where the line has none.
  std::map<std::string, double> values;
};

/// Throws Error(Data) unless `object` is a JSON object with a stage and a step. What is no number
/// is not taken over.
MetricsLine read_metrics_line(const nlohmann::json& object);

/// The lines of metrics.jsonl without those that a later one made void: a run that went back to a
/// checkpoint, or repeated a stage with other settings, writes some steps again. A line whose
/// stage has been at its step before drops everything from there on.
class MetricsHistory {
 public:
  /// True when nothing was dropped.
  bool add(MetricsLine line);
  const std::vector<MetricsLine>& lines() const { return lines_; }

 private:
  std::vector<MetricsLine> lines_;
};

/// Reads metrics.jsonl; nothing when it is absent. Throws Error(Data) "FILE:17: <problem>".
MetricsHistory load_metrics(const std::filesystem::path& file);

}  // namespace hsconas
