#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <torch/types.h>

#include "hsconas/base/process_group.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/train/trainer.hpp"
#include "training_step.hpp"

namespace hsconas {

/// The training steps of a stage whose batches have several groups. The ranks share the groups of
/// each batch, add up their gradients, and make the same update. The weights after a step do not
/// depend on the number of ranks by a single bit.
class GroupedSteps {
 public:
  /// The referenced objects must outlive this one.
  GroupedSteps(Supernet& supernet, const TrainingStage& stage, ProcessGroup& group);

  /// The wishes of one rank; in an Outcome, those of any rank.
  struct Wishes {
    bool stops = false;
    bool is_due = false;  ///< A checkpoint.
  };
  struct Outcome {
    torch::Tensor loss;  ///< The mean over the batch before the step: [], fp32, on the device.
    Wishes wishes;
    double exchange_seconds = 0.0;  ///< In calls of the group, so also waiting for slower ranks.
  };

  /// One step on `paths`; `part` holds the images of this rank's groups. Collective: all ranks get
  /// the same outcome. Throws Error(Usage) on all of them if a loss or gradient is not finite on
  /// any rank, and Error(Internal) if the ranks train different paths, or from different weights.
  /// The weights have not changed then.
  Outcome step(std::span<const TrainedPath> paths, const Batch& part, std::int64_t step, double lr,
               const Wishes& wishes);

 private:
  /// The gradients and losses of this rank's groups.
  struct Parts {
    std::vector<torch::Tensor> gradients;  ///< As TrainingStep::take_gradient() gives them.
    std::vector<double> largest;           ///< Their largest magnitudes.
    std::vector<double> losses;
  };

  /// The means over the groups of all ranks, on the supernet's device.
  struct Means {
    torch::Tensor gradient;  ///< As TrainingStep::take_gradient() gives it.
    torch::Tensor loss;      ///< [], fp32.
  };

  /// The values of the small exchange of a step, of which all ranks get the largest.
  enum Note : std::size_t {
    kGradientExponent,
    kLossExponent,
    kNotFinite,
    kStops,
    kIsDue,
    kHash,
    kMinusHash,  ///< The largest is minus the smallest hash.
    kNotes
  };
  using Notes = std::array<std::int32_t, kNotes>;

  Parts run_groups(TrainingStep& paths, const Batch& part, std::int64_t step) const;
  /// Hashes the step and the paths, and now and then the weights.
  std::int32_t hash_of(std::span<const TrainedPath> paths, std::int64_t step);
  /// The largest notes of all ranks; throws the errors of step().
  Notes agree(const Parts& parts, const Wishes& wishes, std::int32_t hash, std::int64_t step);
  Means means_of_all(const Parts& parts, const Notes& notes);
  /// Runs `exchange`, a call of the group, and counts its time.
  template <typename Exchange>
  void timed(Exchange&& exchange);
  /// Replaces each of `values` (int32, on the supernet's device) by its sum over all ranks.
  void sum_over_ranks(const torch::Tensor& values);

  Supernet& supernet_;
  const TrainingStage& stage_;
  ProcessGroup& group_;
  GroupShare share_;
  bool is_first_step_ = true;
  double exchange_seconds_ = 0.0;  ///< Of the current step.
};

}  // namespace hsconas
