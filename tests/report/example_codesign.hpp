#pragma once

#include <cmath>
#include <vector>

#include "hsconas/report/codesign_record.hpp"

namespace hsconas {

/// A record in which every part is set.
inline CodesignRecord example_codesign() {
  const CodesignPair pair{
      .arch = "012", .design = "rs_8", .accuracy = 0.75, .latency_ms = 1.5, .energy = 2e6};
  CodesignRecord record{.name = "example",
                        .seed = 3,
                        .method = "semi_decoupled",
                        .space = "tiny",
                        .designs = "few",
                        .design_count = 4,
                        .left_out = 2,
                        .limits = "latency <= 3 ms",
                        .batch = 2,
                        .energy_unit = "pJ",
                        .best = {pair, "shuffle_k3, skip", 12.5, 0.25, {{"pes", 64}}},
                        .front = {pair},
                        .networks = 7,
                        .pairs = 28,
                        .pairs_csv = "all",
                        .proxy = "rs_4",
                        .proxy_set = std::vector{pair, pair},
                        .seconds = 0.5};
  record.ranks = {
      .networks = 9,
      .latency_median = 1.0,
      .latency_lowest = 0.5,
      .energy_median = 0.75,
      .energy_lowest = 0.25,
      .designs_below = 1,
      .below = 0.9,
      .matrix = RankMatrix{.designs = {"rs_4", "rs_8"}, .values = {1.0, 0.5, std::nan(""), 1.0}}};
  record.dance = {.cost = 2.0,
                  .edap = 3e7,
                  .test_accuracy = 0.5,
                  .skip_share = 0.25,
                  .macs = 1000,
                  .probabilities = {{0.5, 0.5}, {1.0}},
                  .evaluator = CostNetworksSummary{.regret_median = 1.0,
                                                   .regret_mean = 1.5,
                                                   .regret_p95 = 2.0,
                                                   .right = {{"pes", 0.75}},
                                                   .pair_error = {1, 2, 3},
                                                   .best_error = {4, 5, 6},
                                                   .seconds = 7.0,
                                                   .design = "rs_4",
                                                   .regret = 1.25}};
  record.optimum = {
      .arch = "210", .design = "rs_4", .accuracy = 0.7625, .latency_ms = 1.25, .energy = 1e6};
  return record;
}

}  // namespace hsconas
