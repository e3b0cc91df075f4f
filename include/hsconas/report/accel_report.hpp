#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/accel/cost.hpp"

namespace hsconas {

/// A network's cost on an accelerator design as text for a terminal: one line per layer, totals and
/// the shares of energy.
std::string accel_report(const Network& network, const Accelerator& design,
                         const NetworkCost& cost);

/// The cost as CSV, one line per layer. Cycles, words and energy are those of one execution; the
/// layer is executed `count` times.
std::string accel_csv(const Network& network, const Accelerator& design, const NetworkCost& cost);

/// The design, the totals and every layer as one object, format "hsconas-accel-1"
/// (docs/accelerators.md).
nlohmann::json accel_json(const Network& network, const Accelerator& design,
                          const NetworkCost& cost);

}  // namespace hsconas
