#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include <torch/types.h>

#include "hsconas/codesign/cost_networks.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/data/loader.hpp"
#include "hsconas/supernet/supernet.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "hsconas/train/optimizer.hpp"

namespace hsconas {

/// DANCE's search (Choi et al., arXiv 2009.06237): the probabilities of every layer's choices,
/// operator and width, learn by gradient, beside the supernet's weights.
///
/// The weights train on paths drawn by these probabilities (path(), a hook of train()). The
/// architecture parameters, the probabilities' logits, train on held-out images (update()): every
/// choice of a layer runs and their outputs are mixed by Gumbel-softmax, hardened, so that the
/// value is that of one path and every parameter has a gradient;
///   loss = cross entropy + lambda_2 penalty.
/// The penalty is what the frozen cost networks say the drawn architecture costs on the design they
/// choose for it; or, as baselines, its multiply-adds, or 0. It is relative to the mean over random
/// architectures.
class DanceSearch {
 public:
  /// `costs` is asked while config.penalty is "cost", and then must be trained; else it may be
  /// null. `precision`, fp32 or bf16, is that of activations in update(). The referenced objects
  /// must outlive this one.
  DanceSearch(Supernet& supernet, const CostNetworks* costs, const DanceConfig& config,
              std::uint64_t seed, torch::ScalarType precision = torch::kFloat);

  /// The architecture of training step `step`, drawn by the present probabilities.
  Architecture path(std::int64_t step) const;

  struct Losses {
    double error = 0.0;  ///< Cross entropy.
    double penalty = 0.0;
  };
  /// A step of Adam on the architecture parameters; what it draws follows from the seed and
  /// `update`, which counts these steps from 0. Cost: forward and backward of every choice.
  Losses update(const Batch& batch, double penalty_weight, std::int64_t update);

  /// Every layer's most probable choice.
  Architecture best() const;
  /// [layer][operator * widths + width]; every layer's sum to 1. Choices that equal another one's
  /// network have 0.
  std::vector<std::vector<double>> probabilities() const;

  /// What update() changes, by name, for checkpoints; they alias the search's own.
  std::map<std::string, torch::Tensor> tensors() const;

  /// The penalty of choices [layers, choices], each row one-hot or a mixture. `noise` is what
  /// CostNetworks::generate() adds; undefined: none. Differentiable.
  torch::Tensor penalty(const torch::Tensor& choices, const torch::Tensor& noise) const;

 private:
  torch::Tensor gumbel(const char* stream, std::int64_t step,
                       const std::vector<std::int64_t>& shape) const;
  Architecture decode(const torch::Tensor& scores) const;
  torch::Tensor one_hot(const Architecture& arch) const;
  /// A path per choice, the same one in every layer, whose weights want no gradients.
  std::deque<TrainingPath> paths() const;
  torch::Tensor mixed_logits(std::deque<TrainingPath>& paths, const torch::Tensor& images,
                             const torch::Tensor& choices) const;

  Supernet& supernet_;
  const CostNetworks* costs_;
  DanceConfig config_;
  std::uint64_t seed_;
  torch::ScalarType precision_;
  torch::Tensor macs_;    ///< [layers, choices].
  double unit_ = 1.0;     ///< Mean penalty of random architectures.
  torch::Tensor exists_;  ///< [layers, choices], bool: not the twin of another choice.
  torch::Tensor alpha_;   ///< [layers, choices], logits.
  AdamMoments moments_;
};

}  // namespace hsconas
