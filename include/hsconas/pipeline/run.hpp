#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/pipeline/work_dir.hpp"
#include "hsconas/report/metrics_log.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/score/objective.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

class CostNetworks;
class FrozenNetwork;
class RunData;  // The images, opened when the first stage needs them.
class Supernet;
class TorchTimer;
struct RunResult;

/// What will be asked of a run: only the inputs that this needs are checked at the start.
enum class RunGoal {
  Latency,  ///< The table alone.
  Network,  ///< The supernet, and what follows from it.
  Codesign  ///< Designs, and accuracies or else the supernet.
};

struct RunOptions {
  RunGoal goal = RunGoal::Network;
  bool may_change = false;  ///< A changed config or data set is taken, see Run.
};

/// The table and what follows from it.
struct LatencyStage {
  LatencyTable table;
  Objective objective;  ///< With T in milliseconds.
  bool reused = false;
};

/// One run: a config, a work directory and its stages
///   latency -> supernet -> baseline -> shrink-1 ... -> search,
/// each of which reuses its output when the work directory holds it for the same inputs, says what
/// changed when it does not, and continues from the last checkpoint when it was interrupted.
/// Each of the calls below first brings about what it needs.
class Run {
 public:
  /// Checks every input first: the data set, tables and designs. Then writes config.json and
  /// version.txt and starts the log file and metrics.jsonl. Throws Error(Usage) that lists what
  /// changed when the folder holds work of a run with another config or data set, unless
  /// `may_change`: then the stages that depend on the changes run again. Keys that cannot change
  /// the result may always differ: name, retrain, log, checkpoint_*, data.workers, data.memory_mb,
  /// score.memory_mb, and the names of files and folders that hold the same. A data set that is not
  /// there any more counts as unchanged until its images are needed.
  Run(Config config, WorkDir dir, Log& log, const StopToken& stop, RunOptions options = {});
  ~Run();

  const LatencyStage& latency();
  /// The supernet as trained on the whole space.
  Supernet& supernet();
  /// The space left after all shrinking stages; the supernet is then tuned to it.
  const NetworkRegion& shrunk();
  /// The supernet as tuned to that space.
  Supernet& tuned();
  /// `arch` with those weights, and statistics of its own.
  FrozenNetwork freeze(const Architecture& arch);
  /// Everything, up to the winner's model, result.json, whose content it returns (see result.hpp),
  /// and report.html.
  nlohmann::json search();
  /// The search for a network and an accelerator, see run_codesign(). With known accuracies nothing
  /// is trained; else the supernet judges, as trained on the whole space.
  nlohmann::json codesign();

  const SearchSpace& space() const { return space_; }
  const Config& config() const { return config_; }

 private:
  struct Trained;    // Supernet and evaluator.
  struct Companion;  // What learns beside a supernet's weights.

  /// Also opens the data set where images are needed, or takes what is known of one that is gone.
  void check_inputs(RunGoal goal);
  void check_config(bool may_change);
  /// What of the data set differs from the one the run was made with, and what depends on it; empty
  /// when nothing does.
  std::string data_changes() const;
  /// True when `stage` can be reused and its files `outputs` are there; logs that, or why not.
  bool reuse(const std::string& stage, const nlohmann::json& inputs,
             std::initializer_list<std::filesystem::path> outputs);
  nlohmann::json latency_inputs() const;
  TorchTimer make_timer(const LatencyConfig& settings, int batch) const;
  nlohmann::json judge_inputs();
  nlohmann::json shrink_inputs(std::size_t stage);
  /// What an accuracy on the test set depends on beside the network.
  nlohmann::json test_inputs() const;
  /// Has the latency table and throws Error(Infeasible) when no architecture meets T.
  void check_feasible();
  RunData& data();
  /// Accuracies with the supernet's weights on the held-out images.
  Evaluator& evaluator();
  Scorer& scorer();
  /// Gets the weights of a training stage, and its companion's: from its checkpoint, or by
  /// training.
  void train_stage(const std::string& stage, const nlohmann::json& inputs,
                   std::shared_ptr<const NetworkRegion> region, const SupernetConfig& settings,
                   const Companion* companion = nullptr);
  /// codesign() by DANCE: its evaluator, then weights and architecture parameters together.
  nlohmann::json dance();
  /// Trains the evaluator of DANCE, or takes it from its checkpoint.
  void train_evaluator(CostNetworks& networks, const nlohmann::json& inputs);
  /// Random architectures near T and the extremes, judged by the supernet before it is tuned.
  RunResult baseline();
  nlohmann::json search_inputs();
  /// Everything up to result.json.
  void search_stage(const nlohmann::json& inputs);
  /// Times the compared architectures for real.
  void measure(RunResult& result);

  Config config_;
  WorkDir dir_;
  Log& log_;
  const StopToken& stop_;
  SearchSpace space_;
  StageRecord record_;
  std::optional<MetricsLog> metrics_;  ///< Always, once the config has been checked.
  std::unique_ptr<RunData> data_;
  bool needs_images_ = false;
  std::string train_images_, test_images_;  ///< Fingerprints of the data set's parts.
  std::optional<LatencyStage> latency_;
  std::unique_ptr<Trained> trained_;
};

}  // namespace hsconas
