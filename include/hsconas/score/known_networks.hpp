#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/embed/embeddings.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/score/objective.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// The networks that a search on known accuracies can choose from, with everything that is known
/// of them: a benchmark on which search methods are compared with the optimum, or networks that
/// were trained before.
class KnownNetworks {
 public:
  /// Reads the files that `config.score` and `config.latency` name. A latency table in JSON, or an
  /// accelerator, predicts latencies; with latency.column they are looked up; where the config
  /// names no source, there is no budget, and every network has latency 0. Throws an Error that
  /// names the file or the key: what TableEvaluator, KnownLatency and the sources of latencies
  /// throw, and Error(Data) if no network has both an accuracy and a latency.
  KnownNetworks(const Config& config, Log& log, const StopToken& stop);
  // The parts refer to each other.
  KnownNetworks(const KnownNetworks&) = delete;
  KnownNetworks& operator=(const KnownNetworks&) = delete;

  const SearchSpace& space() const { return space_; }
  TableEvaluator& accuracies() { return *accuracies_; }
  const TableEvaluator& accuracies() const { return *accuracies_; }
  /// The accuracies of score.reported_column; null without that key.
  const TableEvaluator* reported() const { return reported_.get(); }
  const LatencyModel& latency() const { return *latency_; }
  /// The table that predicts latencies, if one does.
  const std::optional<LatencyTable>& table() const { return table_; }
  /// All networks of the space or, if the files lack some, a ListedNetworks.
  const std::shared_ptr<const NetworkRegion>& region() const { return region_; }
  bool is_complete() const { return is_complete_; }
  /// The networks of the region, canonical and each once.
  const std::vector<Architecture>& networks() const { return networks_; }
  const Objective& objective() const { return objective_; }

  /// The embeddings of all networks in `file`; none if `file` is empty. Throws what
  /// Embeddings::load() and require() throw.
  std::optional<Embeddings> load_embeddings(const std::string& file) const;

  /// Where latencies come from, such as "column raspi4 of nb201.csv"; empty without a budget.
  const std::string& latency_from() const { return latency_from_; }

 private:
  void open_latency(const Config& config, Log& log, const StopToken& stop);
  void open_region();

  SearchSpace space_;
  std::unique_ptr<TableEvaluator> accuracies_;
  std::unique_ptr<TableEvaluator> reported_;
  std::optional<LatencyTable> table_;
  std::unique_ptr<const LatencyModel> latency_;
  std::string latency_from_;
  std::vector<Architecture> networks_;
  std::shared_ptr<const NetworkRegion> region_;
  bool is_complete_ = false;
  Objective objective_;
};

}  // namespace hsconas
