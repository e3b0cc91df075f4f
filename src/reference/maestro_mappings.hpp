#pragma once

#include <cstdint>
#include <vector>

#include "hsconas/accel/layer.hpp"
#include "hsconas/reference/maestro.hpp"
#include "maestro_map.hpp"

namespace hsconas::maestro {

/// The directives of a mapping.
struct Program {
  std::vector<std::vector<Map>> levels;
  std::int64_t cluster = 0;  ///< PEs of a cluster of the top level; 0: there is one level only.
};

Program program_of(const Layer& layer, MaestroMapping mapping, bool is_depthwise);

/// Adds the loops that a level does not name: they are mapped whole, outside of the others.
std::vector<Map> completed(const std::vector<Map>& maps, const Sizes& nominal);

}  // namespace hsconas::maestro
