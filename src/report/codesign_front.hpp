#pragma once

#include <string>
#include <vector>

#include "hsconas/report/codesign_report.hpp"
#include "hsconas/report/plot.hpp"

namespace hsconas {

/// Two plots of the Pareto front, accuracy against latency and against energy, with the best pair,
/// the best of all pairs and the limits; and the front as a table.
std::string codesign_front_section(const CodesignRun& codesign);

/// Pairs as a table that readers can collapse, the best pair in bold; of many pairs, some that are
/// evenly spread.
std::string pairs_table(const std::vector<CodesignPair>& pairs, const CodesignRecord& found);

/// The label of the accuracy axis: where the accuracies of a co-design come from.
std::string codesign_accuracy_axis(const RunRecord& run);

/// "ARCH on DESIGN".
std::string name_of(const CodesignPair& pair);
/// "ARCH on DESIGN: 93.21 %, 0.1234 ms, 1.234e+08 pJ".
std::string note_on(const CodesignPair& pair, const std::string& energy_unit);

}  // namespace hsconas
