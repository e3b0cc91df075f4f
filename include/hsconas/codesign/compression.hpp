#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/codesign/compressed_accuracies.hpp"
#include "hsconas/codesign/compressed_costs.hpp"
#include "hsconas/codesign/compressed_network.hpp"
#include "hsconas/codesign/design_space.hpp"
#include "hsconas/codesign/pair.hpp"
#include "hsconas/config/config.hpp"

namespace hsconas {

/// Trained networks and designs to choose from, and the limits. The referenced objects must outlive
/// it.
struct CompressionProblem {
  const SearchSpace& space;
  std::span<const Architecture> starts;      ///< At least one.
  std::span<const double> start_accuracies;  ///< Of the starts before they are compressed.
  const DesignSpace& designs;
  CompressedCosts& costs;  ///< Of the designs of `designs`, in their order.
  CompressedAccuracies& accuracies;
  Limits limits;
};

struct CompressionResult {
  std::vector<CompressedNetwork> networks;  ///< What the pairs' network indices mean.
  Pair best;                                ///< Meets the limits.
  std::vector<Pair> front;   ///< Of all pairs that meet the limits, highest accuracy first.
  std::vector<Pair> scored;  ///< Every network on its best design, in the order of the search.
  /// Every start, uncompressed, on the design with the lowest energy x delay, without limits of
  /// latency, energy and power; none where it fits no design. Network indices are those of the
  /// starts here.
  std::vector<std::optional<Pair>> starts;
  std::vector<Pair> start_front;  ///< Of the starts, likewise without those limits.
  CodesignCounts counts;          ///< Those of the starts are not among them.
};

/// Compresses the starts (HotNAS): searches the regions below them (CompressedRegion) by
/// search.method for the network and the design with the highest accuracy inside the limits; of
/// equally accurate pairs, the one with the lowest energy-delay product. A network runs on the
/// design that meets the limits with the lowest energy-delay product; all designs are tried.
///
/// The search begins with each start at every number of bits, its layers only as narrow as the
/// limits require. Networks outside the limits cost no accuracy evaluation.
///
/// Throws Error(Usage) when no design supports words to choose from, Error(Infeasible) that names
/// the nearest network when none that was tried meets the limits, Error(Interrupted) when `stop` is
/// requested. The same seed takes the same decisions.
CompressionResult compress(const CompressionProblem& problem, const CodesignConfig& config,
                           const SearchConfig& search, std::uint64_t seed, Log& log,
                           const GroupStop& stop);

}  // namespace hsconas
