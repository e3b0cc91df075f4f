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
#include "hsconas/report/codesign_record.hpp"
#include "hsconas/report/metrics_log.hpp"
#include "hsconas/report/run_record.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/score/limits.hpp"
#include "hsconas/score/objective.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/search/search.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/stages/stage.hpp"
#include "hsconas/stages/stage_inputs.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

class Compressor;
class CostNetworks;
struct Checkpoint;
class FrozenNetwork;
class RunData;
class Supernet;
class TorchTimer;

/// The purpose of a run. At the start, only the inputs that it needs are checked.
enum class RunGoal {
  Latency,   ///< Only the latency table: needs no images.
  Supernet,  ///< The trained supernet, for a search or a co-design: needs what Network needs.
  Targets,   ///< The supernet of a search for several targets, which check their own T.
  Network,   ///< The supernet and everything after it: needs images and a feasible T.
  Codesign   ///< A network and an accelerator: needs designs, and known accuracies or images.
};

struct RunOptions {
  RunGoal goal = RunGoal::Network;
  bool may_change = false;  ///< Accept another config or data set than before, see Run::Run().
  /// The work directory of a run whose trained supernet is taken instead of training one; empty:
  /// none.
  std::filesystem::path supernet_from{};
  /// Work directories of runs on the same device. If one of them has measured the latency table
  /// that this run would measure, it is taken.
  std::vector<std::filesystem::path> tables_from{};
};

/// The latency table, the objective that follows from it, and the limits beside it.
struct LatencyBudget {
  LatencyTable table;
  Objective objective;  ///< Holds T in milliseconds, also where the config gives a position.
  NetworkLimits limits;
};

/// The most probable network after some step of a search by gradient.
struct NetworkReading {
  std::int64_t step = 0;  ///< Steps that have been trained.
  Architecture arch;
};

/// One run: a config, a work directory, and the stages
///   latency -> supernet -> baseline -> shrink-1 ... -> search.
/// A stage (see Stage) reuses its output if the work directory holds it for the same inputs;
/// otherwise it logs what changed and runs, from its last checkpoint if it was interrupted. Each
/// public function first runs the stages that it needs.
///
/// All ranks of the work directory's group make the same Run and the same calls. They share the
/// groups of each training step and the candidates of each search, and take the same decisions.
/// Only rank 0 measures latencies and uses the work directory.
class Run {
 public:
  /// Checks all inputs: the data set, tables and designs. Then writes config.json and version.txt,
  /// and starts the log file and metrics.jsonl.
  ///
  /// Throws Error(Usage) if the folder belongs to another command, see RunKind.
  ///
  /// If the folder holds work of a run with another config or data set, throws Error(Usage) that
  /// lists the changes; with `may_change`, the stages that depend on them run again instead. Keys
  /// that affect no stage and are not guarded (ConfigKey) may always differ. A data set that has
  /// been removed since counts as unchanged until its images are needed.
  ///
  /// Throws Error(Data) if options.supernet_from holds no trained supernet, and Error(Usage) that
  /// lists the differences if it was trained with other settings or images than this run's.
  Run(Config config, WorkDir dir, Log& log, const StopToken& stop, RunOptions options = {});
  ~Run();

  const LatencyBudget& latency();
  /// Throws Error(Infeasible) when no architecture meets T and the limits, see check_budget().
  void check_feasible();
  /// The supernet after training on the whole space. The reference is valid until tuned() is
  /// called.
  Supernet& supernet();
  /// Whether the supernet has been trained with the present settings, and its weights are there.
  bool has_supernet();
  /// The region of the space that is left after all shrinking stages.
  const NetworkRegion& shrunk();
  /// Whether shrunk() and tuned() only need to load what the work directory holds.
  bool is_shrunk();
  /// The supernet after tuning to shrunk(). The reference is valid until supernet() is called.
  Supernet& tuned();
  /// Scores networks with `score` from now on, instead of the config's settings. The work directory
  /// keeps those, so this is for commands that write no scores into it.
  void score_with(ScoreConfig score);
  /// The judgements of `archs`, in order, on the held-out images with the weights of supernet() or
  /// tuned(), whichever was called last.
  std::vector<Judgement> shared_judgements(std::span<const Architecture> archs);
  /// The network `arch` with the weights of tuned() and its own batch norm statistics.
  FrozenNetwork freeze(const Architecture& arch);
  /// Runs all stages. Writes the winner's model, result.json (its content is returned) and
  /// report.html.
  ResultRecord search();
  /// Searches a network and an accelerator, see run_codesign(). If accuracies are known, nothing is
  /// trained; otherwise they come from the supernet after training on the whole space or, with
  /// method "compress", from the networks of codesign.start, see run_compression(). The winner of
  /// that method is written as a model with an ONNX file. Also writes report.html.
  CodesignRecord codesign();

  const SearchSpace& space() const { return space_; }
  const Config& config() const { return config_; }

 private:
  struct Weights;
  struct TrainingExtension;

  /// Sets needs_images_ and, if true, images_: from the data set or, if that has been removed since
  /// the run finished, from stages.json.
  void check_inputs(RunGoal goal);
  /// Makes the latency table, unless it is measured, and throws where the budget cannot be met.
  void check_latency_inputs(RunGoal goal);
  /// The config's limits beside a latency table for batches of `batch` images.
  NetworkLimits limits_beside(int batch);
  /// Throws Error(Usage) as the constructor describes.
  void check_config(bool may_change);
  /// The supernet of supernet_from_; null if none is to be taken, or the run has its own already.
  /// Throws the errors of options.supernet_from, see Run().
  std::shared_ptr<const Checkpoint> load_supernet_from();
  /// Copies a latency table of tables_from_, unless the run has its own already.
  void take_table();
  /// Makes `taken` the result of the stage "supernet".
  void take_supernet(const Checkpoint& taken);
  /// Names the part of the data set (training, test) that has changed since the run was made, and
  /// the stages that depend on it; empty if nothing has changed.
  std::string data_changes() const;
  StageInputs inputs() const { return {config_, images_}; }
  /// The latency table of a source that does not measure, to check it at the start: the stage's, or
  /// a new one, which is kept for the stage.
  LatencyTable table_at_hand();
  LatencyTable make_table();
  TorchTimer make_timer(const LatencyConfig& settings, int batch) const;
  LatencyIdentity latency_identity();
  RunData& data();
  /// The supernet and what scores with it; created on first use. The weights have the values that
  /// the last training stage left.
  Weights& weights();
  /// Evaluates accuracies on the held-out images with the current weights.
  Evaluator& evaluator();
  Scorer& scorer();
  /// Brings the shared weights, and the tensors of `extension`, to the end of a training stage:
  /// loads its checkpoint and trains the steps that are left.
  void train_stage(const std::string& stage, const nlohmann::json& inputs,
                   std::shared_ptr<const NetworkRegion> region, const SupernetConfig& settings,
                   const TrainingExtension* extension = nullptr);
  /// Runs shrinking stage `index`: replaces `region` by the smaller one, adds the decisions to
  /// `record` and tunes the weights to the new region.
  void shrink_stage(std::size_t index, std::shared_ptr<const NetworkRegion>& region,
                    ShrinkRecord& record);
  /// The stage of codesign(), and before it the stages that it needs.
  CodesignRecord searched_pair();
  /// The stage of codesign() with method "dance".
  CodesignRecord dance();
  /// Trains DANCE's cost networks, then supernet weights and architecture parameters together.
  CodesignRecord search_by_gradient();
  /// Trains the cost networks, or loads them from their checkpoint.
  void train_cost_networks(CostNetworks& networks);
  /// The stage of codesign() with method "compress".
  CodesignRecord compress();
  /// Throws Error(Usage) or Error(Data) for inputs that compress() cannot use.
  void check_compression();
  /// Compresses the networks of codesign.start; created on first use.
  Compressor& compressor();
  /// Scores random architectures near T, the smallest and the largest one, with the weights of
  /// supernet().
  ResultRecord baseline();
  /// The inputs of the stage "supernet", with the latency table and T where a search by gradient
  /// depends on them; the table is then made if there is none yet.
  nlohmann::json supernet_inputs();
  /// supernet() if architecture parameters are learned with it. Sets readings_.
  Supernet& train_by_gradient();
  /// The search if architecture parameters were learned: scores readings_ and chooses among them.
  SearchResult choose_reading();
  /// Adds readings_, all of which `found` has scored, to the result of a search by gradient.
  void add_course(const SearchResult& found, ResultRecord& result) const;
  /// The search for the best network of shrunk().
  SearchResult find_network();
  /// Produces the outputs of the stage "search".
  ResultRecord search_stage();
  /// Times the compared architectures on the device of the latency table, if that is rank 0's.
  void measure(ResultRecord& result);
  /// Milliseconds of `archs` in order; none where they cannot be compared with the latency table.
  std::vector<double> measured_ms(std::span<const Architecture> archs);

  Config config_;
  WorkDir dir_;
  Log& log_;
  GroupStop stop_;
  const std::filesystem::path supernet_from_;
  const std::vector<std::filesystem::path> tables_from_;
  SearchSpace space_;
  StageRecord record_;
  std::optional<MetricsLog> metrics_;  ///< Set by the constructor once all inputs are checked.
  std::unique_ptr<RunData> data_;
  std::unique_ptr<Compressor> compressor_;
  bool needs_images_ = false;
  ImageFingerprints images_;
  std::optional<LatencyTable> made_;  ///< By table_at_hand(), until the latency stage takes it.
  std::optional<std::vector<LimitTable>> limit_tables_;  ///< Read when first needed.
  std::optional<LatencyBudget> latency_;
  std::unique_ptr<Weights> weights_;
  std::vector<NetworkReading> readings_;  ///< By train_by_gradient().
  std::shared_ptr<const NetworkRegion> shrunk_;
  std::string tuned_by_;  ///< The training stage whose weights tuned() returns.
};

}  // namespace hsconas
