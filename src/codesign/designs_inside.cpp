#include "designs_inside.hpp"

#include <limits>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

std::vector<std::size_t> designs_inside(const DesignSpace& designs, double max_area_mm2) {
  constexpr double kUm2PerMm2 = 1e6;
  std::vector<std::size_t> inside;
  std::size_t smallest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const double area = area_of(designs.designs()[i]).total() / kUm2PerMm2;
    if (area <= max_area_mm2) inside.push_back(i);
    if (area < least) {
      least = area;
      smallest = i;
    }
  }
  if (inside.empty()) {
    throw Error(ErrorKind::Infeasible,
                fmt::format("no design meets codesign.max_area_mm2 {:.6g}: the smallest, {}, takes "
                            "{:.6g} mm^2",
                            max_area_mm2, designs.designs()[smallest].name, least));
  }
  return inside;
}

}  // namespace hsconas
