#pragma once

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/report/run_record.hpp"

namespace hsconas {

/// A self-contained HTML page about a run: the winner, all scored architectures with the Pareto
/// front, the winner layer by layer, the search, shrinking, the latency model, training curves,
/// settings and versions, with plots and tables. A sentence replaces each part for which the run
/// has no data. The same run gives the same page.
///
/// All texts from files are escaped. Size: about 0.5 kB per scored architecture.
/// Throws Error(Data) when the winner does not fit the space or the latency table.
std::string run_report(const RunRecord& run);

/// The Pareto front of `candidates`, fastest first: those for which no other has at least the same
/// accuracy at the same or a lower latency; of equals, the first one.
std::vector<ScoredArchitecture> pareto_front(std::span<const ScoredArchitecture> candidates);

}  // namespace hsconas
