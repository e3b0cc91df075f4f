#pragma once

#include <optional>
#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace hsconas {

/// How well a measure of networks, such as the accuracy with shared weights, ranks them like their
/// true accuracies do.
struct RankQuality {
  double tau = 0.0;         ///< Kendall's tau-b over all networks.
  double tau_within = 0.0;  ///< Mean of tau-b over the bins of similar multiply-adds.
  double tau_best = 0.0;    ///< tau-b among the tenth with the highest true accuracies.
  /// Highest true accuracy, minus that of the network ranked first. NaN if all are ranked equal.
  double regret = 0.0;
};

/// Networks of the same index belong together. `bins` is the number of equal parts into which the
/// networks, sorted by multiply-adds, are divided. A measure that only counts multiply-adds has a
/// high tau in many spaces, but none within bins. Throws Error(Usage) if a bin would have fewer
/// than two networks. Cost: O(n^2).
RankQuality rank_quality(std::span<const double> measure, std::span<const double> truth,
                         std::span<const double> macs, int bins);

/// The ranking of `networks` networks by shared weights, and by multiply-adds alone.
struct RankRecord {
  int networks = 0;
  int images = 0;  ///< On which each network was scored.
  int bins = 0;
  RankQuality shared;                     ///< By their accuracies with shared weights.
  std::optional<RankQuality> likelihood;  ///< By Judgement::likelihood, if known.
  RankQuality macs;
};

nlohmann::json to_json(const RankRecord& record);
/// A table of the rankings.
std::string format_ranking(const RankRecord& record);

}  // namespace hsconas
