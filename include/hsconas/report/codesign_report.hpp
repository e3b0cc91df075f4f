#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/report/codesign_record.hpp"
#include "hsconas/report/heat_map.hpp"
#include "hsconas/report/run_record.hpp"

namespace hsconas {

/// The results in the folder of a co-design run. Only a finished one has a pair.
struct CodesignRun {
  RunRecord run;  ///< `unfinished` says why there is no pair; there never is a result of a search.
  std::optional<CodesignRecord> found;
};

/// The heat map ranks.svg. `networks` is the number of networks that were ranked.
HeatMap rank_map(const RankMatrix& ranks, std::size_t networks);

/// A self-contained HTML page about a finished co-design run, as run_report() is about a search:
/// the pair beside the best of all pairs and the limits, the Pareto front by accuracy, latency and
/// energy, the design, how designs rank networks, training curves, settings and versions.
/// All texts from files are escaped. Size: about 0.3 kB per pair on the front.
std::string codesign_report(const CodesignRun& codesign);

// The following functions compare at least one finished co-design run: the pairs, what their search
// cost, how far they are from the best of all pairs, and the settings that differ.

/// Tables for a terminal.
std::string codesign_comparison_text(const std::vector<CodesignRun>& runs);
/// {"runs": [{folder, name, method, limits, best, gap_points, evaluations, seconds}],
///  "differences": {key: [value of each run]}}; gap_points is null if the optimum is not known.
nlohmann::json codesign_comparison_json(const std::vector<CodesignRun>& runs);
/// A page with all Pareto fronts of accuracy and latency in one plot.
std::string codesign_comparison_page(const std::vector<CodesignRun>& runs);

}  // namespace hsconas
