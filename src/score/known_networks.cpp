#include "hsconas/score/known_networks.hpp"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/config/latency_keys.hpp"
#include "hsconas/latency/known_latency.hpp"
#include "hsconas/latency/latency_space.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/score/target.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

/// Stands in where there is no budget.
class NoLatency : public LatencyModel {
 public:
  double predict_ms(const Architecture& /*arch*/) const override { return 0.0; }
};

/// The file that has the column latency.column.
const std::string& file_of_column(const Config& config) {
  return config.latency.table.empty() ? config.score.accuracies : config.latency.table;
}

}  // namespace

KnownNetworks::KnownNetworks(const Config& config, Log& log, const StopToken& stop)
    : space_(config.space) {
  const ScoreConfig& score = config.score;
  accuracies_ = std::make_unique<TableEvaluator>(space_, score.accuracies, score.accuracy_column);
  if (!score.reported_column.empty()) {
    reported_ = std::make_unique<TableEvaluator>(space_, score.accuracies, score.reported_column);
  }
  open_latency(config, log, stop);
  open_region();
  objective_.beta = config.score.beta;
  if (names_latencies(config.latency)) {
    objective_ = objective_of(config, latency_range(*latency_, *region_));
  }
}

void KnownNetworks::open_latency(const Config& config, Log& log, const StopToken& stop) {
  const LatencyConfig& latency = config.latency;
  if (!latency.column.empty()) {
    const std::string& file = file_of_column(config);
    latency_ = std::make_unique<KnownLatency>(space_, file, latency.column, latency.unit);
    latency_from_ = fmt::format("column {} of {}", latency.column, file);
  } else if (names_latencies(latency)) {
    const LatencySource& source = latency_source(latency);
    table_ =
        source.make(config, LatencySpace(space_), {.log = log, .stop = stop, .open_timer = {}});
    latency_ = std::make_unique<TableModel>(space_, *table_);
    latency_from_ = source.describe(config);
  } else {
    latency_ = std::make_unique<NoLatency>();
  }
}

void KnownNetworks::open_region() {
  for (const Architecture& arch : accuracies_->architectures()) {
    if (std::isfinite(latency_->predict_ms(arch))) networks_.push_back(arch);
  }
  if (networks_.empty()) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: has no value of any network with an accuracy", latency_from_));
  }
  const Subspace full = Subspace::full(space_);
  const double all = std::pow(10.0, log10_distinct(space_, full));
  is_complete_ = std::abs(all - static_cast<double>(networks_.size())) < 0.5;
  if (is_complete_) {
    region_ = std::make_shared<Subspace>(full);
  } else {
    region_ = std::make_shared<ListedNetworks>(space_, networks_);
  }
}

std::optional<Embeddings> KnownNetworks::load_embeddings(const std::string& file) const {
  if (file.empty()) return std::nullopt;
  Embeddings embeddings = Embeddings::load(space_, file);
  embeddings.require(space_, networks_);
  return embeddings;
}

}  // namespace hsconas
