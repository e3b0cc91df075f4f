#include "hsconas/int8/rounding_points.hpp"

#include <algorithm>

namespace hsconas {

bool is_point(const Block::Path& path, std::size_t i) {
  const auto& primitives = path.primitives;
  const PrimitiveKind kind = primitives[i].kind;
  if (kind == PrimitiveKind::BatchNorm) return false;  // Folded into the convolution before it.
  if (kind == PrimitiveKind::ChannelShuffle) return false;
  const auto next =
      std::find_if(primitives.begin() + static_cast<std::ptrdiff_t>(i) + 1, primitives.end(),
                   [](const Primitive& p) { return p.kind != PrimitiveKind::BatchNorm; });
  if (next == primitives.end()) return kind != PrimitiveKind::Linear;
  return next->kind != PrimitiveKind::Relu;
}

bool merges_at_point(const Block& block) {
  return block.merge == Merge::AddInput || block.paths.size() > 1;
}

std::vector<RoundingPoint> points_of(const Block& block) {
  std::vector<RoundingPoint> points;
  for (const Block::Path& path : block.paths) {
    for (std::size_t i = 0; i < path.primitives.size(); ++i) {
      if (!is_point(path, i)) continue;
      points.push_back({path.primitives[i].kind == PrimitiveKind::Relu});
    }
  }
  if (merges_at_point(block)) points.push_back({});
  return points;
}

}  // namespace hsconas
