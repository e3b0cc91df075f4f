#pragma once

#include <cstddef>
#include <vector>

#include "hsconas/codesign/design_space.hpp"

namespace hsconas {

/// The designs that take at most `max_area_mm2`, ascending. Throws Error(Infeasible) that names the
/// smallest design when there is none.
std::vector<std::size_t> designs_inside(const DesignSpace& designs, double max_area_mm2);

}  // namespace hsconas
