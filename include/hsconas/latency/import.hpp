#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/csv.hpp"
#include "hsconas/latency/latency_space.hpp"
#include "hsconas/latency/table.hpp"

namespace hsconas {

/// The column that holds architectures: "arch" or, without one, "ops". Throws Error(Data) when
/// there is neither.
std::size_t arch_column(const CsvTable& csv);

/// Measured networks from a CSV: architectures as LatencySpace::encode() writes them in
/// arch_column(), milliseconds in `ms_column`. Throws Error(Data) that names the line: a missing
/// column, an architecture of another space, a time that is no number > 0, no rows.
std::vector<Measurement> read_measurements(const CsvTable& csv, const LatencySpace& space,
                                           const std::string& ms_column);

/// A table of blocks timed one by one on another device, from a CSV with the columns `key` (see
/// Block::key() and `hsconas latency keys`) and `ms_column`. Without whole networks its bias is 0.
/// Throws Error(Data): a missing column, an unknown key or one given twice, a time that is no
/// number >= 0, a block of the space that is missing.
LatencyTable table_of_blocks(const CsvTable& csv, const SearchSpace& space,
                             const std::string& ms_column, const DeviceInfo& device);

/// Which networks a table is fitted on, which it is judged by.
struct MeasurementSplit {
  std::vector<Measurement> fit;
  std::vector<Measurement> test;
};
/// `fit_count` networks drawn by `seed` to fit on, the rest to judge by; 0: four fifths. With
/// `choose_in`, its space, choose_networks() picks them out of kChoiceCandidates drawn ones.
MeasurementSplit split_measurements(std::vector<Measurement> all, std::size_t fit_count,
                                    std::uint64_t seed, const LatencySpace* choose_in = nullptr);
inline constexpr std::size_t kChoiceCandidates = 1000;

/// What fit_table() tries.
struct TableFitOptions {
  bool least_squares = false;         ///< Nothing else than plain least squares.
  std::optional<DeadOperators> dead;  ///< Only this way to count them; empty: all.
};
/// A table by position, fitted to whole networks alone. At least two networks to fit on.
LatencyTable fit_table(const LatencySpace& space, const MeasurementSplit& networks,
                       const TableFitOptions& options, const DeviceInfo& device);

/// `source` brought to another device by measured networks there: a scale, corrections per
/// operator, corrections per term, whichever does best on networks left out.
LatencyTable adapt_table(const LatencySpace& space, const LatencyTable& source,
                         const MeasurementSplit& networks, const DeviceInfo& device);

/// A table of blocks timed alone (not one by position), corrected by measured networks on the same
/// device.
void correct_table(LatencyTable& table, const LatencySpace& space,
                   const MeasurementSplit& networks);

}  // namespace hsconas
