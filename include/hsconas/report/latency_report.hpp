#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/latency/table.hpp"
#include "hsconas/report/plot.hpp"

namespace hsconas {

/// Describes a latency table as text: its number of entries and the widest confidence intervals,
/// the machine's noise, the model forms that were tried, and the errors of the chosen model, of the
/// plain sum of blocks and of the sum plus a constant (HSCoNAS) on networks not used for fitting.
std::string latency_report(const LatencyTable& table);
nlohmann::json latency_report_json(const LatencyTable& table);

/// A warning when the table can hardly tell which of two held-out networks is faster. Empty when it
/// can, and when fewer than 10 networks of each kind were held out.
std::string latency_doubt(const LatencyTable& table);

/// A plot of predicted against measured times of the held-out networks, with a series for each kind
/// ("random" and "spread").
Plot latency_scatter(const LatencyTable& table);

}  // namespace hsconas
