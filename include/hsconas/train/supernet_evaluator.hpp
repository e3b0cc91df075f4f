#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/data/loader.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/supernet/frozen_network.hpp"
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

/// How many images were classified rightly.
struct Tally {
  std::int64_t right = 0;
  std::int64_t total = 0;

  Tally& operator+=(const Tally& other);
  double accuracy() const { return static_cast<double>(right) / static_cast<double>(total); }
};

/// Classifies one batch, which may lie on another device than the network.
Tally classify(const FrozenNetwork& network, const Batch& batch);

}  // namespace hsconas
