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
/// Every network occurs once in the result, see merge_repeats().
std::vector<Measurement> read_measurements(const CsvTable& csv, const LatencySpace& space,
                                           const std::string& ms_column);

/// One measurement per network, in the order of their first rows: the median of all rows with the
/// same canonical architecture. Rows of one network must not be split between the networks that a
/// table is fitted on and those that judge it, nor count as independent in leave-one-out errors.
std::vector<Measurement> merge_repeats(const LatencySpace& space,
                                       std::span<const Measurement> rows);

/// A table of blocks timed one by one on another device, from a CSV with the columns `key` (see
/// Block::key() and `hsconas latency keys`) and `ms_column`. Several rows of one block count as
/// their median, with its 90 % bootstrap interval. Without whole networks its bias is 0.
/// Throws Error(Data): a missing column, an unknown key, a time that is no number >= 0, a block of
/// the space that is missing.
LatencyTable table_of_blocks(const CsvTable& csv, const SearchSpace& space,
                             const std::string& ms_column, const DeviceInfo& device);

/// Which networks a table is fitted on, which it is judged by.
struct MeasurementSplit {
  std::vector<Measurement> fit;
  std::vector<Measurement> test;
};
/// `fit_count` networks drawn by `seed` to fit on, the rest to judge by; 0: four fifths, but at
/// least kFewestToFit where there are so many. With `choose_in`, its space, choose_networks() picks
/// them out of kChoiceCandidates drawn ones. Throws Error(Data) when `all` holds less than two
/// networks, Error(Usage) when `fit_count` is not 2 to their number.
MeasurementSplit split_measurements(std::vector<Measurement> all, std::size_t fit_count,
                                    std::uint64_t seed, const LatencySpace* choose_in = nullptr);
inline constexpr std::size_t kChoiceCandidates = 1000;

/// What fit_table() tries.
struct TableFitOptions {
  bool least_squares = false;         ///< Nothing else than plain least squares.
  std::optional<DeadOperators> dead;  ///< Only this way to count them; empty: all.
};
/// Fewer networks say too little for a table from whole networks alone, and for an error bar: nine
/// in ten of the others is the tenth gap between nine of them.
inline constexpr std::size_t kFewestToFit = 10;
/// A table by position, fitted to whole networks alone. Throws Error(Data) when these are fewer
/// than kFewestToFit.
LatencyTable fit_table(const LatencySpace& space, const MeasurementSplit& networks,
                       const TableFitOptions& options, const DeviceInfo& device);

/// `source` brought to another device by measured networks there: a scale, corrections per
/// operator, corrections per term, whichever does best on networks left out.
LatencyTable adapt_table(const LatencySpace& space, const LatencyTable& source,
                         const MeasurementSplit& networks, const DeviceInfo& device);

/// What makes a table that was fitted to networks doubtful, a sentence each that says what is
/// missing: too few networks for its unknowns or for its error bar, choices that none of them
/// holds, networks predicted to take no time.
std::vector<std::string> shortcomings(const LatencyTable& table, const LatencySpace& space);

/// A table of blocks timed alone (not one by position), corrected by measured networks on the same
/// device.
void correct_table(LatencyTable& table, const LatencySpace& space,
                   const MeasurementSplit& networks);

}  // namespace hsconas
