#pragma once

#include "engine.hpp"
#include "hsconas/accel/accelerator.hpp"

namespace hsconas {

/// One design's numbers; its table's energies scaled to its word widths.
engine::Design<double> numbers_of(const Accelerator& design);

}  // namespace hsconas
