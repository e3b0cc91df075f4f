#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hsconas/int8/activation_scale.hpp"
#include "hsconas/space/block.hpp"

namespace hsconas {

// An int8 network rounds its values to integers at points: at its input, after each primitive that
// computes something (a ReLU belongs to the primitive before it), and where a block merges several
// values. Primitives that only move values keep their integers and scale. A classifier at the end
// of a path returns real numbers.

/// Whether the output of path.primitives[i] is a point.
bool is_point(const Block::Path& path, std::size_t i);

/// Whether the block's output is a point of its own, because values are merged.
bool merges_at_point(const Block& block);

struct RoundingPoint {
  bool is_rectified = false;  ///< The output of a ReLU, never negative.
};

/// The points of `block` in the order in which they are computed: path by path, then the merge.
std::vector<RoundingPoint> points_of(const Block& block);

/// Calls `use(p, scale)` for each weighted primitive p in the order of for_each_weighted(), with
/// the scale of its input. `input` is the scale of the block's input, `points` those of its points.
/// Returns the scale of the block's output, which means nothing for a block that ends in a
/// classifier.
template <typename Use>
ActivationScale for_each_weighted_input(const Block& block, const ActivationScale& input,
                                        std::span<const ActivationScale> points, Use use) {
  std::size_t next = 0;
  ActivationScale scale = input;
  for (const Block::Path& path : block.paths) {
    scale = input;
    for (std::size_t i = 0; i < path.primitives.size(); ++i) {
      if (path.primitives[i].has_weight()) use(path.primitives[i], scale);
      if (is_point(path, i)) scale = points[next++];
    }
  }
  return merges_at_point(block) ? points[next] : scale;
}

}  // namespace hsconas
