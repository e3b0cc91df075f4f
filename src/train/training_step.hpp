#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <torch/types.h>

#include "hsconas/paths/path_methods.hpp"
#include "hsconas/train/trainer.hpp"

namespace hsconas {

/// One training step on given paths: the gradients of its batch, or of parts of the batch one after
/// another, and an update of the supernet's weights.
class TrainingStep {
 public:
  virtual ~TrainingStep() = default;

  /// Draws dropout from generators of this step from now on, instead of torch's default one.
  virtual void seed_dropout(std::uint64_t seed) = 0;
  /// Runs all paths forward and backward on `batch`. Returns the mean of the paths' losses, on the
  /// supernet's device, without waiting for the device. `distillation` concerns paths that no other
  /// path teaches.
  virtual torch::Tensor run(const Batch& batch, const Distillation& distillation) = 0;
  /// The gradients of the last run(), one value after another [weights], on the supernet's device.
  /// To be called once after each run().
  virtual torch::Tensor take_gradient() = 0;
  /// Makes `gradient`, which has the form of take_gradient(), that of update().
  virtual void give_gradient(const torch::Tensor& gradient) = 0;
  /// One step of gradient descent, with the gradients of the last run() or those that were given.
  virtual void update(double lr) = 0;
};

/// A step of `supernet` on runs of `images` images. It runs in a GPU's own engine if that supports
/// the step, else as LibTorch's operations. `supernet` and `settings` must outlive it.
std::unique_ptr<TrainingStep> make_training_step(Supernet& supernet,
                                                 std::span<const TrainedPath> paths,
                                                 const SupernetConfig& settings, int images);

}  // namespace hsconas
