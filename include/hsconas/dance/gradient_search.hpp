#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "hsconas/config/config.hpp"
#include "hsconas/dance/choice_mixture.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// Batches of the held-out images, every image once before any comes again: each pass through them
/// has a random order of its own, and images at its end that do not fill a batch are left out.
class HeldOutBatches {
 public:
  /// `images` in batches of any sizes, at least one image; `size` images per batch, or all of them
  /// if there are fewer.
  HeldOutBatches(std::vector<Batch> images, std::int64_t size, std::uint64_t seed);

  /// Batch `index`, counted from 0; depends only on it and the constructor's arguments.
  Batch at(std::int64_t index) const;

 private:
  std::vector<Batch> images_;
  std::vector<std::pair<std::size_t, std::int64_t>> places_;  ///< Of each image: batch and row.
  std::int64_t size_;
  std::uint64_t seed_;
};

/// The mixed-level search of MiLeNAS (He et al., CVPR 2020), and the two that it lies between. The
/// architecture parameters alpha (ChoiceMixture) descend the gradient of
///   L_training + held_out_weight L_held_out (mixed_level),
///   L_held_out (bilevel: first-order DARTS) or
///   L_training (single_level),
/// with the weights as they are. The weights are trained on paths drawn from the probabilities, as
/// in GDAS: path() draws that of a step of train().
///
/// For a gradient, each operator of each layer runs once, at a random width, and a hard
/// Gumbel-softmax over these choices mixes the outputs. So a step costs as many passes as there are
/// operators, whatever the number of widths, for each loss.
class GradientSearch {
 public:
  /// The logits start at 1e-3 times normal noise. `latency` is used with config.latency_weight > 0.
  /// The supernet must outlive this object.
  GradientSearch(Supernet& supernet, const SupernetStageConfig& config, const LatencyModel& latency,
                 std::uint64_t seed, torch::ScalarType precision = torch::kFloat);

  /// The architecture of training step `step`, drawn from the current probabilities.
  Architecture path(std::int64_t step) const { return mixture_.draw(step); }

  /// The losses of an update; 0 where the method does not use them.
  struct Losses {
    double training = 0.0;  ///< Cross entropy.
    double held_out = 0.0;
    double latency = 0.0;  ///< Of the drawn network, relative to the mean of random ones.
  };
  /// One step of Adam on the architecture parameters. `update` counts these steps from 0 and is
  /// `done` (0 to 1) of the way to the last one; random draws depend only on the seed and `update`.
  Losses update(const Batch& training, const Batch& held_out, std::int64_t update, double done);

  /// Every layer's most probable choice.
  Architecture best() const { return mixture_.best(); }
  /// See ChoiceMixture.
  std::vector<std::vector<double>> probabilities() const { return mixture_.probabilities(); }
  /// The state that update() changes, by name, for checkpoints; shares memory with the search.
  std::map<std::string, torch::Tensor> tensors() const { return mixture_.tensors(); }

 private:
  struct Draw;
  /// Every operator in all layers, each at random widths.
  std::vector<Architecture> one_per_operator(std::int64_t update) const;
  /// The hard mixture of `draw` for `alpha`, which it has gradients of.
  torch::Tensor choices(const Draw& draw, const torch::Tensor& alpha) const;
  /// The loss on `batch`; adds `weight` times its gradient to `gradient`.
  double add_loss(Draw& draw, const Batch& batch, double weight, torch::Tensor& gradient) const;
  double add_latency(const Draw& draw, torch::Tensor& gradient) const;

  GradientConfig config_;
  double training_weight_ = 0.0;
  double held_out_weight_ = 0.0;
  ChoiceMixture mixture_;
  /// [layers, choices]: latency of a choice beyond that of the first one, relative to the mean
  /// latency of random networks; undefined without a weight.
  torch::Tensor latency_;
  double fixed_latency_ = 0.0;  ///< Of the network of first choices, likewise relative.
};

/// Whether `arch` skips every layer that can be skipped, and there is one: then the search has
/// collapsed, as first-order DARTS is known to do.
bool is_collapsed(const SearchSpace& space, const Architecture& arch);

}  // namespace hsconas
