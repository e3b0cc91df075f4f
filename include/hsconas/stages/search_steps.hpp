#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/report/metrics_log.hpp"
#include "hsconas/report/run_record.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/search/search.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

// The steps of a search run after its accuracies and latencies are there, whether accuracies come
// from shared weights or are known.

/// A record without stages.
ShrinkRecord empty_shrink_record(const Config& config, const Objective& objective);

/// Shrinks `region` by stage `index` of the config and adds the decisions to `record`. A repeated
/// call takes the same decisions; with a scorer that knows the accuracies, it costs no evaluation.
void shrink_once(const Config& config, std::size_t index, Scorer& scorer,
                 std::shared_ptr<const NetworkRegion>& region, ShrinkRecord& record, Log& log,
                 const GroupStop& stop);

/// Scores search.baseline_samples random networks of `region` near T, and those with the fewest and
/// the most multiply-adds if the space's networks have any and the region holds them: the rows that
/// the winner is compared with. `error_percent`: see compared().
ResultRecord score_baseline(const Config& config, const NetworkRegion& region, Scorer& scorer,
                            double error_percent, Log& log);

/// Adds what a search in `region` has found to the result of score_baseline().
void add_search(const Config& config, const NetworkRegion& region, const Scorer& scorer,
                double error_percent, const SearchResult& found, ResultRecord& result);

/// Writes each generation to `metrics`, as lines of the stage "search".
std::function<void(const Generation&)> to_metrics(MetricsLog& metrics);

}  // namespace hsconas
