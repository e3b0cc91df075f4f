#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/data/loader.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/score/racing.hpp"
#include "hsconas/supernet/candidate.hpp"
#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

class DeviceScoring;

/// How many images were classified rightly.
struct Tally {
  std::int64_t right = 0;
  std::int64_t total = 0;

  Tally& operator+=(const Tally& other);
  double accuracy() const { return static_cast<double>(right) / static_cast<double>(total); }
};

/// Accuracy with the supernet's shared weights: batch norm statistics are taken anew for each
/// architecture on the calibration images, each batch normalised by its own as in training and all
/// of them pooled (exact when the images are one batch), and used to classify the validation
/// images. Both sets stay on the supernet's device. Cost per architecture: one forward pass over
/// each set, less what it shares: architectures of one call that begin with the same layers run
/// these once.
class SupernetEvaluator : public Evaluator {
 public:
  /// Borrows the supernet: whatever its weights are at the time of a call is what is judged. At
  /// most `memory_mb` MB of activations are kept for sharing. `type` is that of activations: fp32
  /// or fp16, see CandidateBlock; on a GPU also bf16. There all calibration images make one batch,
  /// and no candidate is given up early: that would cost more than it saves.
  SupernetEvaluator(const Supernet& supernet, const std::vector<Batch>& calibration,
                    const std::vector<Batch>& validation, const StopToken& stop,
                    int memory_mb = 2048, torch::ScalarType type = torch::kFloat);
  ~SupernetEvaluator() override;

  /// The same accuracies, to the bit, in any company and order, and with any memory.
  std::vector<double> accuracy(std::span<const Architecture> archs) override;

  /// A candidate is given up after a batch of validation images; calibration is always whole.
  std::vector<Judgement> judge(std::span<const Architecture> archs, const Race& race) override;
  std::int64_t images() const override { return validation_count_; }
  void forget() override { answers_.clear(); }

  /// The architecture with its statistics, ready to run.
  FrozenNetwork freeze_candidate(const Architecture& arch) const;

 private:
  /// What the blocks before some position made of all images.
  struct Images {
    std::vector<torch::Tensor> calibration;  ///< By batch, whose statistics it sees.
    std::vector<torch::Tensor> validation;   ///< A few at a time.
    torch::Tensor on_device;                 ///< Instead of both, where there is a DeviceScoring.
  };
  struct Group;

  void score(const Group& group, const Images& images, std::size_t position, double free_bytes);
  /// Judges the one architecture that a group holds, from the images before `position`.
  void judge_one(const Group& group, const Images& images, std::size_t position);
  /// Hands out the judgement of `arch`, and keeps its answers where it may be a rival later.
  void finish(const Group& group, const Architecture& arch, const Racer& racer,
              const Answers& answers);
  const Answers& answers_of(const Architecture& arch);
  /// The blocks [first, last) with their statistics; `made` takes what they make of the
  /// calibration images.
  std::vector<CandidateBlock> calibrated(const Architecture& arch, const Images& images,
                                         std::size_t first, std::size_t last, Images* made) const;
  Images made_by(const Architecture& arch, const Images& images, std::size_t first,
                 std::size_t last) const;
  double bytes_before(const Architecture& arch, std::size_t position) const;

  const Supernet& supernet_;
  Images images_;
  std::vector<torch::Tensor> labels_;  ///< Of the validation images.
  /// First and number of what makes up a batch of them, behind which a candidate may be given up.
  std::vector<std::pair<std::size_t, std::size_t>> validation_batches_;
  std::int64_t image_count_ = 0;  ///< Calibration and validation.
  std::int64_t validation_count_ = 0;
  std::map<Architecture, Answers> answers_;  ///< Of those judged in full in a race.
  const StopToken& stop_;
  double memory_bytes_;
  torch::ScalarType type_;
  std::unique_ptr<DeviceScoring> device_;  ///< nullptr where LibTorch's operations or the CPU run.
};

/// Classifies one batch, which may lie on another device than the network.
Tally classify(const FrozenNetwork& network, const Batch& batch);

}  // namespace hsconas
