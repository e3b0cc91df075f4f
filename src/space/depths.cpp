#include "hsconas/space/depths.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

bool leaves_out(const Operator& op) {
  const auto& branches = op.same_shape.branches;
  return branches.size() == 1 && branches.front().steps.empty();
}

/// Index of the space's operator that leaves out a layer.
std::optional<int> skip_of(const SpaceDescription& space) {
  for (std::size_t op = 0; op < space.operators.size(); ++op) {
    if (leaves_out(find_operator(space.operators[op]))) return static_cast<int>(op);
  }
  return std::nullopt;
}

}  // namespace

SpaceDescription with_skip(SpaceDescription space) {
  if (!skip_of(space)) space.operators.emplace_back("skip");
  return space;
}

std::vector<Architecture> shallower(const SearchSpace& space, const Architecture& arch, int count) {
  const int skip = skip_of(space.description()).value();
  // For each stage, the layers that can be left out, last first.
  std::vector<std::vector<int>> layers;
  int first = 0;
  std::size_t deepest = 0;
  for (const SpaceDescription::Stage& stage : space.description().stages) {
    auto& of_stage = layers.emplace_back();
    for (int layer = first + stage.layers - 1; layer >= first; --layer) {
      const int op = arch[static_cast<std::size_t>(layer)].op;
      if (space.shape(layer).keeps_shape() && !leaves_out(space.op(op))) of_stage.push_back(layer);
    }
    first += stage.layers;
    deepest = std::max(deepest, of_stage.size());
  }
  if (static_cast<std::size_t>(count) > deepest) {
    throw Error(ErrorKind::Usage,
                fmt::format("{} shallower versions of {} do not exist: the layers of its stages "
                            "that keep the shape of their input give {}",
                            count, space.encode(arch), deepest));
  }
  std::vector<Architecture> versions;
  Architecture version = arch;
  for (std::size_t depth = 0; depth < static_cast<std::size_t>(count); ++depth) {
    for (const auto& of_stage : layers) {
      if (depth < of_stage.size()) version[static_cast<std::size_t>(of_stage[depth])].op = skip;
    }
    versions.push_back(space.canonical(version));
  }
  return versions;
}

}  // namespace hsconas
