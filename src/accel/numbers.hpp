#pragma once

#include "design_numbers.hpp"
#include "hsconas/accel/accelerator.hpp"

namespace hsconas {

/// The numbers of a design that the engine needs, with energies scaled to its word widths.
engine::Design<double> numbers_of(const Accelerator& design);

}  // namespace hsconas
