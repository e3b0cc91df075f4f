#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/latency/table.hpp"
#include "hsconas/report/plot.hpp"

namespace hsconas {

/// What there is to say about a latency table, for people: its entries and the widest intervals,
/// how quiet the machine was, the forms tried, and its error on networks it was not fitted on,
/// beside that of the plain sum and of the paper's constant.
std::string latency_report(const LatencyTable& table);
nlohmann::json latency_report_json(const LatencyTable& table);

/// A sentence of warning where the table cannot tell which of the networks held back is faster;
/// else, or where there are too few to say, nothing.
std::string latency_doubt(const LatencyTable& table);

/// Predicted against measured times of the networks that the table was not fitted on: a series for
/// each kind of them.
Plot latency_scatter(const LatencyTable& table);

}  // namespace hsconas
