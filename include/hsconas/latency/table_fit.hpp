#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hsconas/latency/import.hpp"
#include "hsconas/latency/latency_space.hpp"
#include "hsconas/latency/table.hpp"

namespace hsconas {

/// Limits what fit_table() tries.
struct TableFitOptions {
  bool least_squares = false;         ///< Try plain least squares only.
  std::optional<DeadOperators> dead;  ///< Try only this way to count dead operators; empty: all.
  bool pairs = true;                  ///< Also try times of pairs of a cell's operators.
};
/// A table with entries by position, fitted to whole networks alone. Throws Error(Data) when there
/// are fewer than kFewestToFit to fit on.
LatencyTable fit_table(const LatencySpace& space, const MeasurementSplit& networks,
                       const TableFitOptions& options, const DeviceInfo& device);

/// The prior that tables of one or more devices give for another device. With several, the times
/// are the mean of theirs after each table is scaled to the same mean over all networks, because
/// their devices, batches and units differ. Throws Error(Data) that names an entry that a table
/// lacks.
TermPrior prior_from_devices(const LatencySpace& space, std::span<const LatencyTable> sources);

/// Adapts the tables of one or more devices to another device by networks measured there: by a
/// scale, corrections per operator or corrections per term, each with a mixture of the devices if
/// there are several; whichever predicts left-out networks best. The result has entries by block if
/// all sources have.
LatencyTable adapt_table(const LatencySpace& space, std::span<const LatencyTable> sources,
                         const MeasurementSplit& networks, const DeviceInfo& device);

/// Warnings about a table that was fitted to networks, one sentence each: too few networks for its
/// unknowns or for its error bar, choices that no network contains, networks predicted to take no
/// time.
std::vector<std::string> shortcomings(const LatencyTable& table, const LatencySpace& space);

/// Corrects a table with entries by block, timed alone, by networks measured on the same device.
void correct_table(LatencyTable& table, const LatencySpace& space,
                   const MeasurementSplit& networks);

}  // namespace hsconas
