#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hsconas/codesign/pair_cost.hpp"

namespace hsconas {

/// How alike designs rank networks: Spearman correlations, NaN where all networks cost the same.
struct RankCorrelations {
  std::vector<double> latency;
  std::vector<double> energy;
};

/// Between `proxy` and each of `designs`. Cost: networks x designs pairs.
RankCorrelations rank_correlations(const PairCostModel& costs,
                                   std::span<const Architecture> networks, std::size_t proxy,
                                   std::span<const std::size_t> designs);

/// Between each two of `designs`: square matrices, row-major.
RankCorrelations rank_matrix(const PairCostModel& costs, std::span<const Architecture> networks,
                             std::span<const std::size_t> designs);

}  // namespace hsconas
