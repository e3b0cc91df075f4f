#pragma once

#include <compare>
#include <cstddef>
#include <span>
#include <vector>

#include "hsconas/space/architecture.hpp"

namespace hsconas {

/// A trained network, made cheaper: fewer inner channels and fewer bits, as HotNAS does it (Jiang
/// et al., CODES+ISSS 2020).
struct CompressedNetwork {
  std::size_t start = 0;  ///< The trained network it is made from: an index into the caller's list.
  /// The operators of that network. Where a width is lower than there, the inner channels with the
  /// largest norms are kept.
  Architecture arch;
  /// Bits of the weights: of the stem, of each layer, of the head. Empty: nothing is rounded, and
  /// the network costs what the design's own words cost.
  std::vector<int> bits;

  auto operator<=>(const CompressedNetwork&) const = default;
};

/// The accuracy of compressed networks. A seam: `pipeline` compresses trained weights and tests
/// them on images; tests have a fake.
class CompressedEvaluator {
 public:
  virtual ~CompressedEvaluator() = default;
  /// In [0, 1], on held-out images. Deterministic, and independent of the other networks. Throws
  /// Error(Interrupted) when a stop is requested.
  virtual std::vector<double> accuracy(std::span<const CompressedNetwork> networks) = 0;
};

}  // namespace hsconas
