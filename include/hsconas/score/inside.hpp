#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "hsconas/score/limits.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// A network of a region inside limits, or the answer that there is none.
struct Inside {
  std::optional<Architecture> arch;
  bool is_certain = true;  ///< False: none was found, but there may be one.
};

/// Looks for a network of `region` inside all of `limits`.
///
/// Certain answers: a network that is found; for up to two limits that add up, and any number of
/// others, on a Subspace (see pair_optimum()); and, on every region, where one weighted sum of the
/// limited quantities is too large for every network. Otherwise, weights are adapted and a random
/// walk is tried, which may miss a network. The same arguments give the same answer.
/// Cost: microseconds to some 50 ms.
Inside find_inside(const NetworkRegion& region, std::span<const NetworkLimit> limits);

/// The smallest value of a limited quantity that lets networks keep to the other limits.
struct Relaxed {
  double value = 0.0;
  bool is_certain = true;  ///< False: a smaller one may do, too.
};

/// The smallest bound of limits[index] with which find_inside() finds a network; nothing if the
/// other limits alone allow none. Certain where find_inside() is.
std::optional<Relaxed> relaxed_bound(const NetworkRegion& region,
                                     std::span<const NetworkLimit> limits, std::size_t index);

}  // namespace hsconas
