#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/latency/table.hpp"
#include "hsconas/report/run_record.hpp"
#include "hsconas/score/limits.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// The entry of result.json for `candidate`, without a measured time. `error_percent` is the error
/// bar of its latency, 0 if it has none.
ComparedArchitecture compared(std::string title, const Candidate& candidate,
                              const SearchSpace& space, double error_percent);
ComparedArchitecture compared(std::string title, const Candidate& candidate,
                              const SearchSpace& space, const LatencyTable& table);

/// The entry of result.json for a random architecture that the winner is compared with.
ScoredArchitecture scored(const Candidate& candidate, const SearchSpace& space);

/// Adds the limits of the search, and the limited quantities of all compared architectures.
void add_limits(ResultRecord& result, const SearchSpace& space, const NetworkLimits& limits);

/// The entry of shrink.json for `decision`.
ShrinkRecord::Layer layer_of(const LayerDecision& decision, const SearchSpace& space);

/// The entry of shrink.json for the stage `name`, which shrank `before` to `after`.
ShrinkRecord::Stage stage_of(std::string name, const NetworkRegion& before,
                             const ShrunkRegion& after, const SearchSpace& space);

/// The result as text for a terminal: a table of the compared architectures, then the winner as a
/// string to copy and layer by layer.
std::string format_result(const ResultRecord& result);

/// What shrinking has left of `space`, as text: the sizes, and the operators of decided layers.
std::string format_shrunk(const SearchSpace& space, const NetworkRegion& region);
nlohmann::json shrunk_json(const SearchSpace& space, const NetworkRegion& region);

/// The architectures with the fewest and the most multiply-adds.
Architecture smallest(const SearchSpace& space);
Architecture largest(const SearchSpace& space);
/// The architecture with the most multiply-adds in `region`.
Architecture largest(const SearchSpace& space, const NetworkRegion& region);

/// One line about the space, without a line break:
/// "space hsconas-a: 20 layers, 5 operators x 10 widths, 9.54e33 architectures, ...".
std::string describe_space(const SearchSpace& space);

}  // namespace hsconas
