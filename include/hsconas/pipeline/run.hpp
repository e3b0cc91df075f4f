#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/pipeline/stage.hpp"
#include "hsconas/pipeline/stage_inputs.hpp"
#include "hsconas/pipeline/work_dir.hpp"
#include "hsconas/report/codesign_record.hpp"
#include "hsconas/report/metrics_log.hpp"
#include "hsconas/report/run_record.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/score/objective.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

class CostNetworks;
class FrozenNetwork;
class RunData;
class Supernet;
class TorchTimer;

/// What will be asked of a run: only the inputs that this needs are checked at the start.
enum class RunGoal {
  Latency,  ///< The table alone.
  Network,  ///< The supernet, and what follows from it.
  Codesign  ///< Designs, and accuracies or else the supernet.
};

struct RunOptions {
  RunGoal goal = RunGoal::Network;
  bool may_change = false;  ///< A changed config or data set is accepted, see Run.
};

/// The latency table and what follows from it.
struct LatencyBudget {
  LatencyTable table;
  Objective objective;  ///< With T in milliseconds.
};

/// One run: a config, a work directory and its stages
///   latency -> supernet -> baseline -> shrink-1 ... -> search,
/// each a Stage: it reuses its output when the work directory holds it for the same inputs, says
/// what changed when it does not, and continues from its last checkpoint when it was interrupted.
/// Each of the calls below first brings about the stages that it needs.
///
/// All ranks of the work directory's group make the same Run and the same calls. Each trains,
/// judges and searches for itself and takes the same decisions; rank 0 alone measures latencies,
/// and it alone uses the work directory.
class Run {
 public:
  /// Checks every input first: the data set, tables and designs. Then writes config.json and
  /// version.txt and starts the log file and metrics.jsonl. Throws Error(Usage) that lists what
  /// changed when the folder holds work of a run with another config or data set, unless
  /// `may_change`: then the stages that depend on the changes run again. Keys that change no stage
  /// and are not guarded (ConfigKey) may always differ. A data set that is not there any more
  /// counts as unchanged until its images are needed.
  Run(Config config, WorkDir dir, Log& log, const StopToken& stop, RunOptions options = {});
  ~Run();

  const LatencyBudget& latency();
  /// The shared weights as trained on the whole space. The reference holds until tuned().
  Supernet& supernet();
  /// The part of the space that is left after all shrinking stages.
  const NetworkRegion& shrunk();
  /// The shared weights as tuned to that part. The reference holds until supernet().
  Supernet& tuned();
  /// `arch` with the tuned weights, and batch norm statistics of its own.
  FrozenNetwork freeze(const Architecture& arch);
  /// Everything, up to the winner's model, result.json, whose content it returns, and report.html.
  ResultRecord search();
  /// The search for a network and an accelerator, see run_codesign(). With known accuracies nothing
  /// is trained; otherwise the supernet judges, as trained on the whole space.
  CodesignRecord codesign();

  const SearchSpace& space() const { return space_; }
  const Config& config() const { return config_; }

 private:
  struct Weights;
  struct TrainingExtension;

  /// Also opens the data set where images are needed, or takes what is known of one that is gone.
  void check_inputs(RunGoal goal);
  void check_config(bool may_change);
  /// A sentence that names the part of the data set (training, test) that has changed since the run
  /// was made, and the stages that depend on it; empty when nothing has changed.
  std::string data_changes() const;
  StageInputs inputs() const { return {config_, images_}; }
  LatencyTable make_table();
  TorchTimer make_timer(const LatencyConfig& settings, int batch) const;
  LatencyIdentity latency_identity();
  /// Throws Error(Infeasible) when no architecture meets T.
  void check_feasible();
  RunData& data();
  /// The shared weights, made when they are first asked for; their values are those of the last
  /// training stage.
  Weights& weights();
  /// Accuracies under the present weights on the held-out images.
  Evaluator& evaluator();
  Scorer& scorer();
  /// Gives the shared weights, and the extension's tensors, the values that a training stage ends
  /// with: from its checkpoint, or by training on from their present ones.
  void train_stage(const std::string& stage, const nlohmann::json& inputs,
                   std::shared_ptr<const NetworkRegion> region, const SupernetConfig& settings,
                   const TrainingExtension* extension = nullptr);
  /// Shrinks `region` by one stage, adds that to `record` and tunes the weights to what is left.
  void shrink_stage(std::size_t index, std::shared_ptr<const NetworkRegion>& region,
                    ShrinkRecord& record);
  /// codesign() by DANCE: its evaluator, then weights and architecture parameters together.
  CodesignRecord dance();
  CodesignRecord search_by_gradient();
  /// Trains the networks that DANCE differentiates, or takes them from their checkpoint.
  void train_cost_networks(CostNetworks& networks);
  /// Scores random architectures near T and the extremes, under the weights of the whole space.
  ResultRecord baseline();
  /// Everything up to result.json.
  ResultRecord search_stage();
  /// Times the compared architectures for real, on rank 0.
  void measure(ResultRecord& result);
  /// Milliseconds of `archs` in order; none where they cannot be compared with the latency table.
  std::vector<double> measured_ms(std::span<const Architecture> archs);

  Config config_;
  WorkDir dir_;
  Log& log_;
  GroupStop stop_;
  SearchSpace space_;
  StageRecord record_;
  std::optional<MetricsLog> metrics_;  ///< Set once the config has been checked.
  std::unique_ptr<RunData> data_;
  bool needs_images_ = false;
  ImageFingerprints images_;
  std::optional<LatencyBudget> latency_;
  std::unique_ptr<Weights> weights_;
  std::shared_ptr<const NetworkRegion> shrunk_;
  std::string tuned_by_;  ///< The training stage after which shrinking ended.
};

}  // namespace hsconas
