#pragma once

#include <cstdint>
#include <string_view>

#include "hsconas/accel/layer.hpp"

namespace hsconas {

enum class Systolic : std::uint8_t { OutputStationary, WeightStationary, InputStationary };
/// "os", "ws" or "is"; throws Error(Usage) for another name.
Systolic read_systolic(std::string_view name);

/// SCALE-Sim's results for one group of a layer.
struct ScaleSimCost {
  std::int64_t spread_rows = 0, spread_columns = 0;  ///< Sr, Sc: extents spread over the array.
  std::int64_t time_steps = 0;                       ///< T: extent processed in time.
  std::int64_t folds = 0;
  std::int64_t fold_cycles = 0;
  std::int64_t cycles = 0;           ///< folds * fold_cycles.
  std::int64_t reported_cycles = 0;  ///< SCALE-Sim's total: index of the last cycle, from 0.
  double overall_utilization = 0.0;  ///< Percent, over the reported cycles.
  double mapping_efficiency = 0.0;   ///< Percent of the PEs that have work.
  double compute_utilization = 0.0;  ///< Percent, over the cycles that compute.
  std::int64_t input_reads = 0;      ///< Words read from the input SRAM.
  std::int64_t filter_reads = 0;     ///< Words read from the filter SRAM.
  std::int64_t output_writes = 0;    ///< Words written to the output SRAM.
  /// output_writes as SCALE-Sim reports it: for os, rows + columns too many per fold.
  std::int64_t output_writes_reported = 0;
};

/// Closed form of SCALE-Sim v2's compute cycles (Samajdar et al., ISPASS 2020, and its code). The
/// layer is the product of a M x W and a W x K matrix, with M = oy ox, W = c r s, K = k:
///   os: Sr = M, Sc = K, T = W, rows + columns + T - 2 cycles per fold;
///   ws: Sr = W, Sc = K, T = M, 2 rows + columns + T - 2 cycles per fold;
///   is: Sr = W, Sc = M, T = K, cycles as for ws.
/// There are ceil(Sr / rows) ceil(Sc / columns) folds. They do not overlap, and each takes the time
/// of the whole array. A depthwise or grouped layer runs its groups one after the other; the result
/// is for one group and one image. `rows` and `columns` are at least 1. Memory stalls are left out.
ScaleSimCost scalesim_cost(const Layer& layer, std::int64_t rows, std::int64_t columns,
                           Systolic dataflow);

}  // namespace hsconas
