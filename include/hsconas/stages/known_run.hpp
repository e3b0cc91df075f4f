#pragma once

#include <memory>
#include <optional>
#include <string>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/report/codesign_record.hpp"
#include "hsconas/report/metrics_log.hpp"
#include "hsconas/report/run_record.hpp"
#include "hsconas/score/known_networks.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/stages/stage_inputs.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

/// A search run on known accuracies (score.accuracies): shrinking, baseline and search as in other
/// runs, but nothing is trained or timed. It needs neither images nor LibTorch, and works with one
/// process.
class KnownRun {
 public:
  /// Checks all inputs, then begins the run. Throws Error(Usage) if the folder belongs to another
  /// command or, without `may_change`, holds work of a run with other settings or accuracies; what
  /// KnownNetworks throws; Error(Infeasible) when no network meets T.
  KnownRun(Config config, WorkDir dir, Log& log, const StopToken& stop, bool may_change = false);

  /// The region that is left after all shrinking stages.
  const NetworkRegion& shrunk();
  /// Runs all stages. Writes result.json, whose content is returned, and report.html.
  ResultRecord search();

  const SearchSpace& space() const { return known_.space(); }

 private:
  /// Writes the latency table, if there is one.
  void latency();
  ResultRecord search_stage();
  void report_accuracies(ResultRecord& result) const;
  LatencyIdentity latency_identity() const;
  StageInputs inputs() const { return {config_, {}}; }

  Config config_;
  WorkDir dir_;
  Log& log_;
  GroupStop stop_;
  KnownNetworks known_;
  StageRecord record_;
  std::optional<Embeddings> embeddings_;  ///< By which the search compares networks, if any.
  std::string weights_;                   ///< Stands for the accuracies in candidates.csv.
  std::optional<MetricsLog> metrics_;
  std::unique_ptr<Scorer> scorer_;
  std::shared_ptr<const NetworkRegion> shrunk_;
};

/// The text of --dry-run for such a search.
std::string describe_known_search(const Config& config, Log& log, const StopToken& stop);

/// A co-design run on known accuracies (codesign.accuracies), with any method but dance: begins the
/// run and searches as run_codesign() does. Throws what KnownRun and run_codesign() throw.
CodesignRecord codesign_known(Config config, const WorkDir& dir, Log& log, const StopToken& stop,
                              bool may_change);

}  // namespace hsconas
