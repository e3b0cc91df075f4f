#pragma once

#include <cmath>
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
#include "hsconas/score/limits.hpp"

namespace hsconas {

/// The format of result.json. A run with a result in another format searches again, from
/// candidates.csv, so that costs little.
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
  std::int64_t macs = 0;  ///< 0, like `parameters`, for a cell: the program cannot count them.
  std::int64_t parameters = 0;
  /// The accuracy in score.reported_column, if accuracies are known and the key is set.
  std::optional<double> reported{};
  std::vector<double> limited{};  ///< The quantities of ResultRecord::limits, in their order.

  double millions_of_macs() const { return static_cast<double>(macs) / 1e6; }
  double millions_of_parameters() const { return static_cast<double>(parameters) / 1e6; }
  /// Whether `target_ms` lies inside the error bar of the prediction.
  bool is_near(double target_ms) const { return std::abs(predicted_ms - target_ms) <= error_ms; }
};

/// A scored architecture.
struct ScoredArchitecture {
  std::string arch;
  double accuracy = 0.0;
  double latency_ms = 0.0;
  double score = 0.0;
  std::size_t weights = 0;  ///< Index into RunRecord::weights.
};

/// Shared weights under which architectures were scored.
struct SharedWeights {
  std::string stage;        ///< The training stage that they come from: "supernet", "shrink-1".
  std::string fingerprint;  ///< As in the column `weights` of candidates.csv.
};

/// Where accuracies and latencies come from in a search on known accuracies.
struct KnownSources {
  std::string accuracies;          ///< The file.
  std::string accuracy_column;     ///< Its column on which the search ran.
  std::string reported_column;     ///< Its column of ComparedArchitecture::reported; may be empty.
  std::string latency_from;        ///< In words; empty: there is no budget.
  std::string latency_unit{"ms"};  ///< Unit of latencies and of T.

  bool has_budget() const { return !latency_from.empty(); }
};

/// A limit that networks had to keep to, see NetworkLimit.
struct LimitRecord {
  std::string key;
  std::string what;
  LimitUnit unit = LimitUnit::Parameters;
  double bound = 0.0;
};

/// What a search found: the content of result.json. All of it repeats with the same seed and
/// latency table, except measured_ms.
struct ResultRecord {
  std::string name;
  std::uint64_t seed = 0;
  std::string space;
  double log10_space = 0.0;
  double log10_shrunk_space = 0.0;
  double target_ms = 0.0;  ///< 0: there is no budget, see KnownSources.
  double beta = 0.0;
  std::string device;
  int batch = 1;
  ComparedArchitecture winner;
  double test_accuracy = 0.0;  ///< Accuracy of the winner on the test images; 0 with `known`.
  std::vector<ComparedArchitecture> others;
  std::vector<ScoredArchitecture> random;  ///< The random baseline.
  double random_median = 0.0;              ///< Median accuracy of the random baseline.
  std::vector<SharedWeights> weights;      ///< Oldest first; the winner's are the last.
  std::string method;
  std::size_t evaluations = 0;        ///< Distinct architectures that the search scored.
  std::vector<LimitRecord> limits{};  ///< Empty where the config has none.

  struct Generation {
    int evaluations = 0;
    double best_score = 0.0;
    double mean_score = 0.0;
    double hypervolume = 0.0;  ///< Of a search for a front, else 0; see Generation in driver.hpp.
  };
  std::vector<Generation> history;
  /// The front of accuracy and latency, the fastest first; empty if the method looks for none.
  std::vector<ScoredArchitecture> front;
  /// The most probable network of a search by gradient after some step, with the final weights.
  struct Reading {
    std::int64_t step = 0;
    ScoredArchitecture network;
  };
  std::vector<Reading> course;  ///< In the order of steps; empty for any other search.
  /// Whether the last of them skips every layer that can be skipped.
  bool is_collapsed = false;
  std::optional<KnownSources> known{};  ///< Set if nothing was trained or timed.

  bool has_budget() const { return !known || known->has_budget(); }
  std::string latency_unit() const { return known ? known->latency_unit : "ms"; }
  /// A latency for a table: three decimals of a millisecond, six digits in any other unit.
  std::string format_latency(double latency) const;
};

/// What shrinking decided: the content of shrink.json.
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
  /// A region that locality shrinking tried.
  struct Round {
    double log10_size = 0.0;
    int samples = 0;
    double mean = 0.0;  ///< Mean F of the samples.
    double standard_error = 0.0;
    bool is_kept = true;
  };
  struct Stage {
    std::string name;
    double log10_size_before = 0.0;
    double log10_size_after = 0.0;
    /// Standard error of the size after the stage relative to it, if that is estimated; 0: exact.
    double size_error = 0.0;
    std::vector<Layer> layers;         ///< The decisions of progressive shrinking.
    std::vector<Round> rounds{};       ///< The regions that locality shrinking tried.
    std::vector<std::string> seeds{};  ///< Architectures around which the balls lie that are left.
    int radius = 0;                    ///< Of these balls; 0: there are none.
    int best = 0;                      ///< Number of best known networks of what is left.
    double diversity = 0.0;            ///< Mean number of layers in which two of them differ.
  };
  std::string method = "progressive";  ///< shrink.method.
  int samples = 0;
  double target_ms = 0.0;
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
  std::vector<SharedWeights> weights;
  std::vector<ScoredArchitecture> candidates;  ///< In the order in which they were scored.
  std::size_t earlier_candidates = 0;          ///< Number of others, scored with earlier settings.
  MetricsHistory metrics;
};

// Each reader is the inverse of to_json(); it throws Error(Data) that names `source` and the key at
// fault.
nlohmann::json to_json(const ResultRecord& result);
ResultRecord read_result(const nlohmann::json& object, const std::string& source);
/// Reads the file result.json; throws Error(Data) that names it.
ResultRecord load_result(const std::filesystem::path& file);
nlohmann::json to_json(const ShrinkRecord& shrink);
ShrinkRecord read_shrink(const nlohmann::json& object, const std::string& source);

/// The lines of candidates.csv under `weights`, into `run`; all of them, with the weights in the
/// order of appearance, where `weights` is empty.
void read_candidates(const std::filesystem::path& file, std::vector<SharedWeights> weights,
                     RunRecord& run);

}  // namespace hsconas
