#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/report/run_record.hpp"

namespace hsconas {

/// A setting that not all of some runs share.
struct SettingDifference {
  std::string key;                  ///< "search.population", "space.stages.0.layers".
  std::vector<std::string> values;  ///< As JSON, one per run; empty where a run has none.
};

/// The settings that differ between `runs`, of the space too, by key. The run's name, which differs
/// anyhow, is left out.
std::vector<SettingDifference> differing_settings(const std::vector<RunRecord>& runs);

// Of finished runs, at least one: their winners, and the settings that differ.

/// Two tables for a terminal.
std::string comparison_text(const std::vector<RunRecord>& runs);
/// {"runs": [{folder, name, device, batch, target_ms, evaluations, random_median, winner}],
///  "differences": {key: [value of each run]}}.
nlohmann::json comparison_json(const std::vector<RunRecord>& runs);
/// A page as of run_report(): the fronts over each other and both tables.
std::string comparison_page(const std::vector<RunRecord>& runs);

}  // namespace hsconas
