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

/// The format of result.json. A run whose result has another format repeats its search; scores are
/// reused from candidates.csv, so this costs little.
inline constexpr const char* kResultFormat = "hsconas-result-4";

/// One of the architectures that result.json compares.
struct ComparedArchitecture {
  std::string title;  ///< "winner", "best random", "smallest", "largest".
  std::string arch;
  std::string layers;  ///< The architecture in words, layer by layer.
  double accuracy = 0.0;
  double score = 0.0;
  double predicted_ms = 0.0;
  double error_ms = 0.0;              ///< Half the 90 % error bar; 0: not known.
  std::optional<double> measured_ms;  ///< Absent when the table's device is not this machine's.
  double macs = 0.0;
  double parameters = 0.0;
};

/// A scored architecture.
struct ScoredArchitecture {
  std::string arch;
  double accuracy = 0.0;
  double latency_ms = 0.0;
  double score = 0.0;
  std::size_t weights = 0;  ///< Index into RunRecord::weights.
};

/// Supernet weights with which architectures were scored.
struct JudgingWeights {
  std::string stage;        ///< The training stage that made them: "supernet", "shrink-1", ...
  std::string fingerprint;  ///< Identifies them in candidates.csv.
};

/// The contents of result.json.
struct ResultRecord {
  double log10_space = 0.0;
  double log10_shrunk_space = 0.0;
  double target_ms = 0.0;
  double beta = 0.0;
  std::string device;
  int batch = 1;
  ComparedArchitecture winner;
  double test_accuracy = 0.0;  ///< Accuracy of the winner on the test images.
  std::vector<ComparedArchitecture> others;
  std::vector<ScoredArchitecture> random;  ///< The random baseline.
  double random_median = 0.0;              ///< Median accuracy of the random baseline.
  std::vector<JudgingWeights> weights;     ///< Oldest first; the winner was scored with the last.
  std::string method;

  struct Generation {
    int evaluations = 0;
    double best_score = 0.0;
    double mean_score = 0.0;
  };
  std::vector<Generation> history;
};

/// The contents of shrink.json.
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
    std::vector<Operator> operators;  ///< Empty when only one operator was left.
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

/// The results in a run's folder, from which a report is made. An unfinished run has only some.
struct RunRecord {
  std::string folder;  ///< The folder, as the user wrote it.
  Config config;
  std::string versions;                ///< Contents of version.txt.
  std::optional<ResultRecord> result;  ///< Set for a finished run.
  std::string unfinished;              ///< Why there is no result; empty for a finished run.
  std::optional<LatencyTable> table;
  std::optional<ShrinkRecord> shrink;
  std::vector<JudgingWeights> weights;
  std::vector<ScoredArchitecture> candidates;  ///< In the order in which they were scored.
  std::size_t earlier_candidates = 0;          ///< Number of others, scored with earlier settings.
  MetricsHistory metrics;
};

// Each reads the contents of one file, which `source` names. Throws Error(Data) that names the file
// and the key.
ResultRecord read_result(const nlohmann::json& object, const std::string& source);
ShrinkRecord read_shrink(const nlohmann::json& object, const std::string& source);

/// Reads the lines of candidates.csv that were scored with `weights` into `run` and counts the
/// others. When `weights` is empty, reads all lines and sets run.weights in the order of
/// appearance. Throws Error(Data) that names the file and the line.
void read_candidates(const std::filesystem::path& file, std::vector<JudgingWeights> weights,
                     RunRecord& run);

}  // namespace hsconas
