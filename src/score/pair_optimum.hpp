#pragma once

#include <optional>
#include <vector>

#include "hsconas/space/architecture.hpp"

namespace hsconas {

/// A choice of a layer and what it adds to two quantities.
struct PairOption {
  LayerChoice choice;
  double first = 0.0;
  double second = 0.0;
};

struct PairOptimum {
  Architecture arch;
  double first = 0.0;
  bool is_exact = true;  ///< False: a smaller value may exist, see pair_optimum().
};

/// One option per layer so that the sum of `second` is at most `bound` and the sum of `first` is as
/// small as possible; nothing if no selection keeps to the bound. `fixed` is added to both sums.
///
/// A Lagrange multiplier gives a lower bound and a good selection; a dynamic program over the
/// layers, which keeps the partial selections that may still beat it, closes the gap. The result is
/// exact unless there are more than 200,000 of those at a layer.
std::optional<PairOptimum> pair_optimum(const std::vector<std::vector<PairOption>>& layers,
                                        PairOption fixed, double bound);

}  // namespace hsconas
