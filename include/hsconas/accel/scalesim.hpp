#pragma once

#include <cstdint>
#include <string_view>

#include "hsconas/accel/layer.hpp"

namespace hsconas {

enum class Systolic : std::uint8_t { OutputStationary, WeightStationary, InputStationary };
/// "os", "ws" or "is"; throws Error(Usage) for another name.
Systolic read_systolic(std::string_view name);

/// SCALE-Sim's answer for one group of a layer.
struct ScaleSimCost {
  std::int64_t spread_rows = 0, spread_columns = 0;  ///< Sr, Sc: extents laid over the array.
  std::int64_t time_steps = 0;                       ///< T: extent walked in time.
  std::int64_t folds = 0;
  std::int64_t fold_cycles = 0;
  std::int64_t cycles = 0;           ///< folds * fold_cycles.
  std::int64_t reported_cycles = 0;  ///< SCALE-Sim's total: index of the last cycle from 0.
  double overall_utilization = 0.0;  ///< Percent, over the reported cycles.
  double mapping_efficiency = 0.0;   ///< Percent of the PEs that have work.
  double compute_utilization = 0.0;  ///< Percent, over the cycles that compute.
  std::int64_t input_reads = 0;      ///< Words read from the three SRAMs; output: written.
  std::int64_t filter_reads = 0;
  std::int64_t output_writes = 0;
  std::int64_t output_writes_reported = 0;  ///< With SCALE-Sim's slip (OS: rows + columns a fold).
};

/// Closed form of SCALE-Sim v2's compute cycles (Samajdar et al., ISPASS 2020, and its code): the
/// layer as the product of a M x W and a W x K matrix, M = oy ox, W = c r s, and
///   os: Sr = M, Sc = K, T = W, rows + columns + T - 2 cycles a fold;
///   ws: Sr = W, Sc = K, T = M;  is: Sr = W, Sc = M, T = K, 2 rows + columns + T - 2.
/// Folds = ceil(Sr / rows) ceil(Sc / columns), none overlapping, each charged the whole array. A
/// depthwise or grouped layer is its groups one after the other: this is one of them, n = 1.
/// `rows` and `columns` are at least 1. Memory stalls are not part of it.
ScaleSimCost scalesim_cost(const Layer& layer, std::int64_t rows, std::int64_t columns,
                           Systolic dataflow);

}  // namespace hsconas
