#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/report/run_record.hpp"

namespace hsconas {

/// A setting whose value differs between runs.
struct SettingDifference {
  std::string key;                  ///< The setting's path, such as "space.stages.0.layers".
  std::vector<std::string> values;  ///< JSON texts, one per run; empty if a run lacks the setting.
};

/// The settings that differ between `runs`, including those of the space, sorted by key. The runs'
/// names are left out.
std::vector<SettingDifference> differing_settings(const std::vector<RunRecord>& runs);

/// The latency in milliseconds of each run's winner (row) by the latency table of each run
/// (column).
using WinnersOnTables = std::vector<std::vector<double>>;
/// Empty if the runs have different spaces, or only one table. The runs must be finished.
WinnersOnTables winners_on_tables(const std::vector<RunRecord>& runs);

// The following functions need at least one run, and all runs must be finished. They show the
// winners and the settings that differ.

/// Two tables for a terminal.
std::string comparison_text(const std::vector<RunRecord>& runs);
/// {"runs": [{folder, name, device, batch, target_ms, evaluations, random_median, winner}],
///  "differences": {key: [value of each run]}}.
nlohmann::json comparison_json(const std::vector<RunRecord>& runs);
/// An HTML page like that of run_report(): all Pareto fronts in one plot, and both tables.
std::string comparison_page(const std::vector<RunRecord>& runs);

}  // namespace hsconas
