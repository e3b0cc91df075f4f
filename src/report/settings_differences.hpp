#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/report/comparison.hpp"

namespace hsconas {

// The settings that differ between runs, for comparisons. A run without a setting has "-".

/// A table for a terminal, or a sentence if all settings are the same.
std::string differences_text(const std::vector<RunRecord>& runs);
/// {key: [value of each run, or null]}.
nlohmann::json differences_json(const std::vector<RunRecord>& runs);
/// A section of a page.
std::string differences_section(const std::vector<RunRecord>& runs);

}  // namespace hsconas
