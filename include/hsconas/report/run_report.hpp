#pragma once

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/report/run_record.hpp"

namespace hsconas {

/// A run as one HTML page that needs nothing else: the winner, everything scored with the Pareto
/// front, the search, shrinking, the latency model, the winner layer by layer, training curves,
/// settings and versions, each as a drawing and as a table. What the run has not left is left out
/// with a sentence. The same run gives the same page.
///
/// Every text that comes from a file is escaped. Size: some 0.5 kB for each architecture scored.
/// Throws Error(Data) where the winner does not suit the space or the latency table.
std::string run_report(const RunRecord& run);

/// Of `candidates`, those that no other beats in accuracy at the same or less latency, fastest
/// first; of equals, the first.
std::vector<ScoredArchitecture> pareto_front(std::span<const ScoredArchitecture> candidates);

}  // namespace hsconas
