#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "hsconas/latency/source.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/score/feasible.hpp"
#include "hsconas/score/target.hpp"

namespace hsconas {

// The budget of a run and the limits beside it, as they are checked before anything is written.

using nlohmann::json;

void Run::check_latency_inputs(RunGoal goal) {
  const bool has_budget = goal == RunGoal::Network || goal == RunGoal::Supernet;
  const Subspace full = Subspace::full(space_);
  if (!latency_source(config_.latency).is_measured) {
    const LatencyTable table = table_at_hand();
    const TableModel model(space_, table);
    const std::string source =
        config_.latency.table.empty() ? "latency.accelerator" : config_.latency.table;
    const Objective objective =
        naming_errors(source, [&] { return objective_of(config_, latency_range(model, full)); });
    if (!has_budget) return;
    check_budget(space_, model, full, objective, limits_beside(table.device.batch));
  } else if (has_budget) {
    check_limits(full, limits_beside(config_.latency.batch));
  }
}

NetworkLimits Run::limits_beside(int batch) {
  if (!config_.limits.any()) return {};
  if (!limit_tables_) {
    // Rank 0 reads the files, so that all ranks have the same tables.
    const json tables = json::parse(dir_.files.from_root([&] {
      json all = json::array();
      const LatencySpace space(space_);
      for (const LimitTable& limit :
           load_limit_tables(config_, space, {.log = log_, .stop = stop_.token()})) {
        all.push_back(to_json(limit.table));
      }
      return all.dump();
    }));
    limit_tables_.emplace();
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const TableLimit& limit = config_.limits.tables[i];
      limit_tables_->push_back(
          {limit.name, read_table(tables[i], "limits.tables." + limit.name), limit.max_ms});
    }
  }
  return {space_, config_.limits, batch, *limit_tables_};
}

void Run::check_feasible() {
  const LatencyBudget& budget = latency();
  check_budget(space_, TableModel(space_, budget.table), Subspace::full(space_), budget.objective,
               budget.limits);
}

}  // namespace hsconas
