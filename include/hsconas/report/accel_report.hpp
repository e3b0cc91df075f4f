#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/accel/cost.hpp"

namespace hsconas {

/// A network's cost on a design for a terminal: a line per layer, totals, and where the energy
/// goes.
std::string accel_report(const Network& network, const Accelerator& design,
                         const NetworkCost& cost);

/// The same as CSV, a line per layer: cycles and words of one execution, `count` executions.
std::string accel_csv(const Network& network, const NetworkCost& cost);

/// Everything as one object, format "hsconas-accel-1" (README "Accelerators").
nlohmann::json accel_json(const Network& network, const Accelerator& design,
                          const NetworkCost& cost);

}  // namespace hsconas
