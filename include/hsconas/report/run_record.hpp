#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/report/metrics.hpp"

namespace hsconas {

/// Of result.json. A run with a result in another format searches again (from candidates.csv, so
/// that costs little).
inline constexpr const char* kResultFormat = "hsconas-result-4";

/// One of the architectures that result.json compares.
struct ComparedArchitecture {
  std::string title;  ///< "winner", "best random", "smallest", "largest".
  std::string arch;
  std::string layers;  ///< The same for people.
  double accuracy = 0.0;
  double score = 0.0;
  double predicted_ms = 0.0;
  double error_ms = 0.0;              ///< Half the 90 % error bar; 0: not known.
  std::optional<double> measured_ms;  ///< None where the table's device is not at hand.
  double macs = 0.0;
  double parameters = 0.0;
};

/// An architecture that was scored.
struct ScoredArchitecture {
  std::string arch;
  double accuracy = 0.0;
  double latency_ms = 0.0;
  double score = 0.0;
  std::size_t weights = 0;  ///< Index into RunRecord::weights.
};

/// Supernet weights that architectures were judged by.
struct JudgingWeights {
  std::string stage;        ///< Where they come from: "supernet", "shrink-1", ...
  std::string fingerprint;  ///< As in candidates.csv.
};

/// result.json.
struct ResultRecord {
  double log10_space = 0.0;
  double log10_shrunk_space = 0.0;
  double target_ms = 0.0;
  double beta = 0.0;
  std::string device;
  int batch = 1;
  ComparedArchitecture winner;
  double test_accuracy = 0.0;  ///< The winner's.
  std::vector<ComparedArchitecture> others;
  std::vector<ScoredArchitecture> random;  ///< The baseline.
  double random_median = 0.0;              ///< Accuracy.
  std::vector<JudgingWeights> weights;     ///< Oldest first; the winner's are the last.
  std::string method;

  struct Generation {
    int evaluations = 0;
    double best_score = 0.0;
    double mean_score = 0.0;
  };
  std::vector<Generation> history;
};

/// shrink.json.
struct ShrinkRecord {
  struct Operator {
    std::string op;
    double q = 0.0;
    double spread = 0.0;
    double difference = 0.0;
    double standard_error = 0.0;
    bool within_budget = true;
  };
  struct Layer {
    int layer = 0;
    std::string kept;
    std::vector<Operator> operators;  ///< Empty where nothing was left to compare.
  };
  struct Stage {
    std::string name;
    double log10_size_before = 0.0;
    double log10_size_after = 0.0;
    std::vector<Layer> layers;
  };
  int samples = 0;
  std::vector<Stage> stages;
};

/// What a run has left in its folder, as far as it got: what a report is made from.
struct RunRecord {
  std::string folder;  ///< As the user names it.
  Config config;
  std::string versions;                ///< version.txt.
  std::optional<ResultRecord> result;  ///< Of a finished run.
  std::string unfinished;              ///< Why there is no result; empty for a finished run.
  std::optional<LatencyTable> table;
  std::optional<ShrinkRecord> shrink;
  std::vector<JudgingWeights> weights;
  std::vector<ScoredArchitecture> candidates;  ///< In the order in which they were scored.
  std::size_t earlier_candidates = 0;          ///< Others, scored under earlier settings.
  MetricsHistory metrics;
};

// Each reads one file; throws Error(Data) that names it and the key or line at fault.
ResultRecord read_result(const nlohmann::json& object, const std::string& source);
ShrinkRecord read_shrink(const nlohmann::json& object, const std::string& source);

/// The lines of candidates.csv under `weights`, into `run`; all of them, with the weights in the
/// order of appearance, where `weights` is empty.
void read_candidates(const std::filesystem::path& file, std::vector<JudgingWeights> weights,
                     RunRecord& run);

}  // namespace hsconas
