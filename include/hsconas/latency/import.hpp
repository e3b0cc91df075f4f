#pragma once

#include <cstddef>
#include <cstdint>
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

/// Reads measured networks from a CSV: architectures as LatencySpace::encode() writes them in
/// arch_column(), milliseconds in `ms_column`. Every network occurs once in the result, see
/// merge_repeats(). Throws Error(Data) that names the line: a missing column, an architecture of
/// another space, a time that is not a number > 0, no rows.
std::vector<Measurement> read_measurements(const CsvTable& csv, const LatencySpace& space,
                                           const std::string& ms_column);

/// One measurement per network, in the order of their first rows: the median of all rows with the
/// same canonical architecture. Otherwise rows of one network could fall on both sides of a split
/// into networks to fit on and to judge by, and would count as independent in left-out errors.
std::vector<Measurement> merge_repeats(const LatencySpace& space,
                                       std::span<const Measurement> rows);

/// A table of blocks timed one by one on another device, from a CSV with the columns `key` (see
/// Block::key() and `hsconas latency keys`) and `ms_column`. Several rows of one block give their
/// median and its 90 % bootstrap interval. The bias is 0, since no whole network is known.
/// Throws Error(Data): a missing column, an unknown key, a time that is not a number >= 0, a block
/// of the space that is missing.
LatencyTable table_of_blocks(const CsvTable& csv, const SearchSpace& space,
                             const std::string& ms_column, const DeviceInfo& device);

/// Fewest networks for a table without a prior, and for an error bar that holds for nine of ten
/// further networks: with nine errors it is already the largest of them.
inline constexpr std::size_t kFewestToFit = 10;

/// The networks that a table is fitted on and those that it is judged by.
struct MeasurementSplit {
  std::vector<Measurement> fit;
  std::vector<Measurement> test;
};
/// Draws `fit_count` networks to fit on and leaves the rest to judge by. 0 stands for four fifths,
/// rounded up, but at least kFewestToFit if there are as many. If the networks' space is given as
/// `choose_in`, choose_networks() picks them among kChoiceCandidates drawn ones (or `fit_count`, if
/// that is more), with regard to what `prior`, which may be null, knows. Throws Error(Data) when
/// `all` holds fewer than two networks, Error(Usage) when `fit_count` is below 2 or above their
/// number.
MeasurementSplit split_measurements(std::vector<Measurement> all, std::size_t fit_count,
                                    std::uint64_t seed, const LatencySpace* choose_in = nullptr,
                                    const TermPrior* prior = nullptr);
inline constexpr std::size_t kChoiceCandidates = 1000;

}  // namespace hsconas
