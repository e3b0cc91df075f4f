#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/score/racing.hpp"
#include "hsconas/supernet/candidate.hpp"
#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

class DeviceScoring;

/// Number of correctly classified images.
struct Tally {
  std::int64_t right = 0;
  std::int64_t total = 0;

  Tally& operator+=(const Tally& other);
  double accuracy() const { return static_cast<double>(right) / static_cast<double>(total); }
};

/// Accuracy with the supernet's shared weights. For each architecture, batch norm statistics are
/// measured on the calibration images: each batch is normalised by its own statistics, as in
/// training, and the statistics of all batches are pooled (exact for a single batch). The pooled
/// statistics are then used to classify the validation images. Both sets stay on the supernet's
/// device. Cost per architecture: one forward pass over each set; architectures of one call that
/// begin with the same layers run these layers once.
class SupernetEvaluator : public Evaluator {
 public:
  /// Keeps a reference to the supernet; each call uses the weights it has at that time. At most
  /// `memory_mb` MB of activations are kept for sharing. `type` is the type of activations: fp32 or
  /// fp16, see CandidateBlock, and bf16 on a GPU. On a GPU all calibration images form one batch,
  /// and no candidate is stopped early, because that would cost more than it saves. A request to
  /// stop is honoured before each candidate where one process does the run; among several the
  /// caller's next GroupStop::check() honours it, since each may judge other candidates here.
  SupernetEvaluator(const Supernet& supernet, const std::vector<Batch>& calibration,
                    const std::vector<Batch>& validation, const GroupStop& stop,
                    int memory_mb = 2048, torch::ScalarType type = torch::kFloat);
  ~SupernetEvaluator() override;

  /// An accuracy does not depend, by a single bit, on the other architectures, their order or
  /// `memory_mb`.
  std::vector<double> accuracy(std::span<const Architecture> archs) override;

  /// A candidate may be stopped early after any batch of validation images; calibration always uses
  /// all its images. Likelihoods are unknown where the device's engine scores (DeviceScoring).
  std::vector<Judgement> judge(std::span<const Architecture> archs, const Race& race) override;
  std::int64_t images() const override { return validation_count_; }
  void forget() override { answers_.clear(); }
  AnswersByArchitecture* known_answers() override { return &answers_; }

  /// The calibrated architecture as an independent network.
  FrozenNetwork freeze_candidate(const Architecture& arch) const;

 private:
  /// The activations of all images before some block.
  struct Images {
    std::vector<torch::Tensor> calibration;  ///< In batches.
    std::vector<torch::Tensor> validation;   ///< In pieces of a few images.
    torch::Tensor on_device;                 ///< Used instead of both with a DeviceScoring.
  };
  struct Group;

  void score(const Group& group, const Images& images, std::size_t position, double free_bytes);
  /// Judges the single architecture of a group, starting from the activations before `position`.
  void judge_one(const Group& group, const Images& images, std::size_t position);
  /// Stores the judgement of `arch`, and keeps its answers when it may become a rival in a race.
  /// `likelihood` is that of the images seen, 0 if it is unknown.
  void finish(const Group& group, const Architecture& arch, const Racer& racer,
              const Answers& answers, double likelihood);
  const Answers& answers_of(const Architecture& arch);
  /// The blocks [first, last) with fixed statistics. When `made` is not null, it receives their
  /// output for the calibration images.
  std::vector<CandidateBlock> calibrated(const Architecture& arch, const Images& images,
                                         std::size_t first, std::size_t last, Images* made) const;
  Images made_by(const Architecture& arch, const Images& images, std::size_t first,
                 std::size_t last) const;
  double bytes_before(const Architecture& arch, std::size_t position) const;

  const Supernet& supernet_;
  Images images_;
  std::vector<torch::Tensor> labels_;  ///< Labels of each piece of validation images.
  /// First piece and number of pieces of each validation batch; candidates may stop after a batch.
  std::vector<std::pair<std::size_t, std::size_t>> validation_batches_;
  std::int64_t image_count_ = 0;  ///< Calibration and validation images.
  std::int64_t validation_count_ = 0;
  AnswersByArchitecture answers_;  ///< Answers of architectures judged in full in a race.
  GroupStop stop_;
  double memory_bytes_;
  torch::ScalarType type_;
  std::unique_ptr<DeviceScoring> device_;  ///< Null on a CPU, or when LibTorch's operations run.
};

/// Classifies one batch, which may be on another device than the network.
Tally classify(const FrozenNetwork& network, const Batch& batch);

}  // namespace hsconas
