#pragma once

#include <vector>

#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// `space` with an operator that leaves out a layer which keeps the shape of its input. Unchanged
/// if the space has one already.
SpaceDescription with_skip(SpaceDescription space);

/// `count` versions of `arch`, each shallower than the one before: the first lacks the last layer
/// of each stage, the second the last two, and so on. Only layers that keep the shape of their
/// input can be left out, so a stage never loses its first layer where that changes the shape.
/// `space` must have an operator for it, see with_skip(). Throws Error(Usage) if the network has
/// fewer layers that can be left out.
std::vector<Architecture> shallower(const SearchSpace& space, const Architecture& arch, int count);

}  // namespace hsconas
