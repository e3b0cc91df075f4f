#include <algorithm>
#include <cstddef>
#include <vector>

#include <fmt/format.h>

#include "hsconas/paths/path_methods.hpp"

namespace hsconas {

namespace {

/// `count` of `values` in random order, each as often as any other, give or take one.
std::vector<int> dealt(std::vector<int> values, std::size_t count, Rng& rng) {
  std::vector<int> result;
  while (result.size() < count) {
    rng.shuffle(std::span(values));
    const std::size_t taken = std::min(values.size(), count - result.size());
    result.insert(result.end(), values.begin(),
                  values.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  return result;
}

/// The width of `op` at `layer` in this step. Over as many steps as there are widths, an operator
/// has each of them once, in random order.
int stratified_width(const PathDraw& draw, std::size_t layer, int op, std::vector<int> widths) {
  const auto step = static_cast<std::size_t>(draw.step);
  Rng rng(draw.seed, fmt::format("{} widths {} {}", draw.stage, layer, op), step / widths.size());
  rng.shuffle(std::span(widths));
  return widths[step % widths.size()];
}

std::vector<TrainedPath> fair_step(const PathDraw& draw, Rng& rng) {
  const std::vector<std::vector<int>> axes = draw.region.axes();
  std::size_t count = 1;
  for (std::size_t axis = 0; axis < axes.size(); axis += 2)
    count = std::max(count, axes[axis].size());
  std::vector<TrainedPath> result(count, {.arch = Architecture(axes.size() / 2)});
  for (std::size_t layer = 0; layer < axes.size() / 2; ++layer) {
    const std::vector<int> ops = dealt(axes[2 * layer], count, rng);
    for (std::size_t path = 0; path < count; ++path) {
      result[path].arch[layer] = {ops[path],
                                  stratified_width(draw, layer, ops[path], axes[2 * layer + 1])};
    }
  }
  return result;
}

}  // namespace

/// Strict fairness (FairNAS, Chu et al., ICCV 2021): as many paths as there are operators, which
/// use every operator of every layer once. In a layer with fewer operators than another, some are
/// used once more than the rest. In a region that holds only some combinations of its operators and
/// widths, paths may lie outside it.
PathMethod fair_paths() {
  return {.name = "fair",
          .meaning =
              "per step as many paths as there are operators, which use each operator of "
              "each layer once (FairNAS)",
          .paths = fair_step};
}

}  // namespace hsconas
