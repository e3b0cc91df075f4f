#include "hsconas/reference/scalesim.hpp"

#include <fmt/format.h>

#include "ceil_div.hpp"
#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

/// An operand that enters along one edge of the array is read once per fold of the other edge.
void count_accesses(ScaleSimCost& cost, Systolic dataflow, std::int64_t row_folds,
                    std::int64_t column_folds) {
  const std::int64_t held = cost.spread_rows * cost.spread_columns;
  const std::int64_t by_rows = cost.time_steps * cost.spread_rows * column_folds;
  const std::int64_t by_columns = cost.time_steps * cost.spread_columns * row_folds;
  switch (dataflow) {
    case Systolic::OutputStationary:
      cost.input_reads = by_rows;
      cost.filter_reads = by_columns;
      cost.output_writes = held;
      return;
    case Systolic::WeightStationary:
      cost.input_reads = by_rows;
      cost.filter_reads = held;
      cost.output_writes = by_columns;
      return;
    case Systolic::InputStationary:
      cost.input_reads = held;
      cost.filter_reads = by_rows;
      cost.output_writes = by_columns;
      return;
  }
}

}  // namespace

Systolic read_systolic(std::string_view name) {
  if (name == "os") return Systolic::OutputStationary;
  if (name == "ws") return Systolic::WeightStationary;
  if (name == "is") return Systolic::InputStationary;
  throw Error(ErrorKind::Usage, fmt::format("unknown systolic dataflow '{}': os, ws or is", name));
}

ScaleSimCost scalesim_cost(const Layer& layer, std::int64_t rows, std::int64_t columns,
                           Systolic dataflow) {
  const std::int64_t pixels = layer.oy * layer.ox;
  const std::int64_t window = layer.c * layer.r * layer.s;
  const bool is_os = dataflow == Systolic::OutputStationary;
  ScaleSimCost cost;
  cost.spread_rows = is_os ? pixels : window;
  cost.spread_columns = dataflow == Systolic::InputStationary ? pixels : layer.k;
  cost.time_steps = is_os ? window : dataflow == Systolic::WeightStationary ? pixels : layer.k;

  const std::int64_t row_folds = ceil_div(cost.spread_rows, rows);
  const std::int64_t column_folds = ceil_div(cost.spread_columns, columns);
  cost.folds = row_folds * column_folds;
  cost.fold_cycles = (is_os ? rows : 2 * rows) + columns + cost.time_steps - 2;
  cost.cycles = cost.folds * cost.fold_cycles;
  cost.reported_cycles = cost.cycles - 1;
  count_accesses(cost, dataflow, row_folds, column_folds);
  cost.output_writes_reported = cost.output_writes + (is_os ? cost.folds * (rows + columns) : 0);

  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  const double macs = number(pixels) * number(window) * number(layer.k);
  const double pes = number(rows) * number(columns);
  const double busy = number(cost.fold_cycles + (is_os ? 0 : columns - 1));
  cost.overall_utilization = 100.0 * macs / (number(cost.reported_cycles) * pes);
  cost.mapping_efficiency =
      100.0 * number(cost.spread_rows) * number(cost.spread_columns) / (number(cost.folds) * pes);
  cost.compute_utilization = 100.0 * macs / (number(cost.folds) * pes * busy);
  return cost;
}

}  // namespace hsconas
