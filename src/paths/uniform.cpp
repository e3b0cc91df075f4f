#include "hsconas/paths/path_methods.hpp"

namespace hsconas {

namespace {

std::vector<TrainedPath> uniform_step(const PathDraw& draw, Rng& rng) {
  return {{.arch = sample(draw.region, rng)}};
}

}  // namespace

/// SPOS (Guo et al., ECCV 2020).
PathMethod uniform_paths() {
  return {.name = "uniform", .meaning = "one random path per step", .paths = uniform_step};
}

}  // namespace hsconas
