#pragma once

#include <vector>

#include <torch/types.h>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/data/loader.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// Accuracy with the supernet's shared weights: batch norm statistics are taken anew for each
/// architecture on the calibration images, then folded, then the validation images are classified.
/// Both sets stay on the supernet's device. Cost per architecture: one forward pass over each.
class SupernetEvaluator : public Evaluator {
 public:
  /// Borrows the supernet: whatever its weights are at the time of a call is what is judged.
  SupernetEvaluator(const Supernet& supernet, const std::vector<Batch>& calibration,
                    const std::vector<Batch>& validation, const StopToken& stop);

  std::vector<double> accuracy(std::span<const Architecture> archs) override;

  /// The architecture with its statistics, ready to run.
  FrozenNetwork freeze_candidate(const Architecture& arch) const;

 private:
  const Supernet& supernet_;
  std::vector<torch::Tensor> calibration_;
  std::vector<Batch> validation_;
  const StopToken& stop_;
};

/// Fraction of the images in `batches` that `network` classifies rightly, in [0, 1].
double classify(const FrozenNetwork& network, const std::vector<Batch>& batches);

}  // namespace hsconas
