#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "hsconas/paths/path_methods.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "hsconas/train/trainer.hpp"

namespace hsconas {

/// The paths that one training step trains, and the slices of the shared weights that any of them
/// uses. Paths with the same operator in a layer use the same weights at several widths; then the
/// slice is the widest one.
class StepPaths {
 public:
  StepPaths(Supernet& supernet, std::span<const TrainedPath> paths, torch::ScalarType precision);

  /// Draws dropout from generators of these paths from now on, instead of torch's default one.
  void seed_dropout(std::uint64_t seed);

  /// Runs all paths forward and backward on `batch`. The leaves of slices() then have the sum of
  /// the gradients. Returns the mean of the paths' losses, on the supernet's device. `distillation`
  /// concerns paths that no other path teaches.
  torch::Tensor run(const Batch& batch, const SupernetConfig& settings,
                    const Distillation& distillation);

  /// The slices that the step updates.
  std::vector<TrainingPath::Slice>& slices();

 private:
  struct Member {
    TrainingPath path;
    double taught;
    std::vector<std::size_t> merged;  ///< For each slice of the path, its place in merged_.
  };

  void merge(Member& member);
  void add_gradients(Member& member);

  torch::Device device_;
  std::vector<Member> members_;
  std::vector<TrainingPath::Slice> merged_;  ///< Empty if there is one path.
};

}  // namespace hsconas
