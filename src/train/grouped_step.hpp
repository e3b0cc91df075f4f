#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hsconas/base/process_group.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/train/trainer.hpp"
#include "step_paths.hpp"

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
    double loss = 0.0;  ///< The mean over the batch, before the step.
    Wishes wishes;
  };

  /// One step on `paths`; `part` holds the images of this rank's groups. Collective: all ranks get
  /// the same outcome. Throws Error(Usage) on all of them if a loss or gradient is not finite on
  /// any rank, and Error(Internal) if the ranks train different paths, or from different weights.
  /// The weights have not changed then.
  Outcome step(std::span<const TrainedPath> paths, const Batch& part, std::int64_t step, double lr,
               const Wishes& wishes);

 private:
  /// A group's gradient and loss.
  struct Part {
    torch::Tensor gradient;  ///< All slices of the paths, flat.
    double loss = 0.0;
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

  std::vector<Part> run_groups(StepPaths& paths, const Batch& part, std::int64_t step) const;
  /// Hashes the step and the paths, and now and then the weights.
  std::int32_t hash_of(std::span<const TrainedPath> paths, std::int64_t step);
  /// The largest notes of all ranks; throws the errors of step().
  Notes agree(const std::vector<Part>& parts, const Wishes& wishes, std::int32_t hash,
              std::int64_t step);
  /// The mean over the groups of all ranks.
  Part mean_of_all(const std::vector<Part>& parts, const Notes& notes);

  Supernet& supernet_;
  const TrainingStage& stage_;
  ProcessGroup& group_;
  GroupShare share_;
  std::vector<std::int32_t> sums_;  ///< Gradients, then the loss, summed over groups.
  bool is_first_step_ = true;
};

}  // namespace hsconas
