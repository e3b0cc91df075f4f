#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// One of the paths (single networks of the supernet) that a training step trains together.
struct TrainedPath {
  Architecture arch;
  /// Weight in the loss of what the first path of the step predicts for the same images (in-place
  /// distillation, BigNAS); the labels have the rest. Such a path drops nothing (dropout).
  double taught = 0.0;
};

/// A step of a training, for which a path method draws the paths.
struct PathDraw {
  const NetworkRegion& region;
  const SupernetConfig& settings;
  std::uint64_t seed = 0;  ///< Of the run.
  std::string stage;       ///< Names the random streams.
  std::int64_t step = 0;
  std::int64_t total_steps = 1;
};

/// A row of the table of path methods: which paths a training step of the shared weights trains.
/// All paths of a step see the same images; their gradients are added and make one update.
struct PathMethod {
  std::string_view name;
  std::string_view meaning;
  /// The paths of one step, never none; the first is not taught. They depend on `draw` and on
  /// `rng`, which is new for every step, and on nothing else.
  std::vector<TrainedPath> (*paths)(const PathDraw& draw, Rng& rng);
};

/// All methods, in the order of the documentation.
std::span<const PathMethod> path_methods();

/// Throws Error(Usage) that lists the names when there is no such method.
const PathMethod& find_path_method(std::string_view name);

/// The shared weights and biases that a step on `paths` changes. Paths with the same operator in a
/// layer share its weights.
std::int64_t parameters_of_step(const SearchSpace& space, std::span<const TrainedPath> paths);

}  // namespace hsconas
