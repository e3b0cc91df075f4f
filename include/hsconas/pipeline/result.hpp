#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/report/run_record.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/search/search.hpp"

namespace hsconas {

/// One row of the final comparison.
struct JudgedArchitecture {
  std::string title;  ///< "winner", "best random", "smallest", "largest".
  Candidate candidate;
  std::optional<double> measured_ms{};  ///< On the device that T is meant for; else none.
};

/// What a run found, beside the search's own account.
struct RunResult {
  JudgedArchitecture winner;
  std::vector<JudgedArchitecture> others;  ///< Judged by the supernet before it was tuned.
  double test_accuracy = 0.0;              ///< Of the winner, on images nothing else has seen.
  double random_median = 0.0;     ///< Median accuracy of random architectures within 10 % of T.
  std::vector<Candidate> random;  ///< Those, in the order in which they were drawn.
  std::vector<JudgingWeights> weights;  ///< That judged candidates.csv, oldest first.
};

/// The content of result.json: format "hsconas-result-4". Everything in it repeats with the same
/// seed and latency table but the values of the keys "measured_ms".
nlohmann::json to_json(const RunResult& result, const SearchResult& found, const Config& config,
                       const SearchSpace& space, const NetworkRegion& region,
                       const LatencyStage& latency);

/// Reads result.json back; throws Error(Data) that names it when it is broken or something else.
nlohmann::json load_result(const std::filesystem::path& path);

/// result.json for people: a table and the winner, layer by layer and as a string to copy.
std::string format_result(const nlohmann::json& result);

/// The architectures with the fewest and the most multiply-adds.
Architecture smallest(const SearchSpace& space);
Architecture largest(const SearchSpace& space);
/// The one with the most among those of a part of the space.
Architecture largest(const SearchSpace& space, const NetworkRegion& region);

}  // namespace hsconas
