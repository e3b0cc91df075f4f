#pragma once

#include <span>
#include <vector>

#include "hsconas/space/architecture.hpp"

namespace hsconas {

/// Tells how accurate architectures are. One of the three seams: the supernet's is in `train`;
/// a table of known accuracies and a fake are in the tests.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  /// Accuracy in [0, 1] of each architecture, in order. Deterministic: the same architecture gets
  /// the same value whatever else is in the batch. Throws Error(Interrupted) on a stop request.
  virtual std::vector<double> accuracy(std::span<const Architecture> archs) = 0;
};

}  // namespace hsconas
