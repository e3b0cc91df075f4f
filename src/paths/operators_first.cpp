#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "hsconas/paths/path_methods.hpp"

namespace hsconas {

namespace {

/// How many of `count` widths of a layer, from the largest on, are trained in this step.
std::size_t open_widths(const PathDraw& draw, std::size_t count) {
  const double warmup = draw.settings.width_warmup * static_cast<double>(draw.total_steps);
  const double later = static_cast<double>(draw.step) - warmup;
  if (later < 0.0) return 1;
  const double opening = warmup / 2;
  if (later >= opening) return count;
  return 1 + static_cast<std::size_t>(
                 std::ceil((later + 1.0) / (opening + 1.0) * static_cast<double>(count - 1)));
}

std::vector<TrainedPath> operators_first_step(const PathDraw& draw, Rng& rng) {
  const std::vector<std::vector<int>> axes = draw.region.axes();
  Architecture arch = sample(draw.region, rng);
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    const std::vector<int>& widths = axes[2 * layer + 1];
    const std::size_t open = open_widths(draw, widths.size());
    if (open < widths.size()) arch[layer].width = widths[widths.size() - 1 - rng.index(open)];
  }
  return {{.arch = arch}};
}

}  // namespace

/// Operators before widths, as in the MXNet version of SPOS by CanyonWind, whose channel search did
/// not converge otherwise: only the largest widths first, then one narrower width after the other.
PathMethod operators_first_paths() {
  return {.name = "operators_first",
          .meaning =
              "one random path per step, with the largest widths only at first (see "
              "supernet.width_warmup)",
          .paths = operators_first_step};
}

}  // namespace hsconas
