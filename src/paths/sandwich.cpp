#include <cstddef>
#include <vector>

#include "hsconas/paths/path_methods.hpp"

namespace hsconas {

namespace {

/// `arch` with the width that `choose` takes from those of each layer.
template <typename Choose>
Architecture with_widths(Architecture arch, const std::vector<std::vector<int>>& axes,
                         const Choose& choose) {
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    arch[layer].width = choose(axes[2 * layer + 1]);
  }
  return arch;
}

std::vector<TrainedPath> sandwich_step(const PathDraw& draw, Rng& rng) {
  const std::vector<std::vector<int>> axes = draw.region.axes();
  const Architecture drawn = sample(draw.region, rng);
  const auto widest = [](const std::vector<int>& widths) { return widths.back(); };
  const auto narrowest = [](const std::vector<int>& widths) { return widths.front(); };
  const auto any = [&](const std::vector<int>& widths) { return widths[rng.index(widths.size())]; };
  std::vector<TrainedPath> result{{.arch = with_widths(drawn, axes, widest)},
                                  {.arch = with_widths(drawn, axes, narrowest), .taught = 1.0}};
  constexpr int kRandom = 2;
  for (int i = 0; i < kRandom; ++i) {
    result.push_back({.arch = with_widths(drawn, axes, any), .taught = 1.0});
  }
  return result;
}

}  // namespace

/// The sandwich rule with in-place distillation (BigNAS, Yu et al., ECCV 2020), for the widths. In
/// a space with several operators no single network is the largest; so the operators are drawn at
/// random, as SPOS does, and shared by the paths of a step.
PathMethod sandwich_paths() {
  return {.name = "sandwich",
          .meaning =
              "per step random operators at the largest, the smallest and twice at random "
              "widths; the widest path teaches the others (BigNAS)",
          .paths = sandwich_step};
}

}  // namespace hsconas
