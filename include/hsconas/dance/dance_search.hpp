#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <torch/types.h>

#include "hsconas/config/config.hpp"
#include "hsconas/dance/choice_mixture.hpp"
#include "hsconas/dance/cost_networks.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// DANCE's search (Choi et al., arXiv 2009.06237). It learns a probability for every choice
/// (operator and width) of every layer by gradient descent, together with the supernet's weights.
///
/// The weights are trained on paths drawn from these probabilities (path() is a hook of train()).
/// The architecture parameters, the logits of the probabilities, are trained on held-out images by
/// update(): every choice of a layer runs, and the outputs are mixed by a hard Gumbel-softmax, so
/// that the output is that of one path but every parameter has a gradient. With the weight lambda_2
/// (config.penalty_weight),
///   loss = cross entropy + lambda_2 penalty.
/// The penalty is the cost that the frozen cost networks predict for the drawn architecture on the
/// design that they choose for it; for baselines it is the number of multiply-adds, or 0. It is
/// divided by its mean over random architectures.
class DanceSearch {
 public:
  /// When config.penalty is "cost", `costs` must be trained; otherwise it is not used and may be
  /// null. `precision` is the type of activations in update(), fp32 or bf16. The referenced objects
  /// must outlive this one.
  DanceSearch(Supernet& supernet, const CostNetworks* costs, const DanceConfig& config,
              std::uint64_t seed, torch::ScalarType precision = torch::kFloat);

  /// The architecture of training step `step`, drawn from the current probabilities.
  Architecture path(std::int64_t step) const { return mixture_.draw(step); }

  struct Losses {
    double error = 0.0;  ///< Cross entropy.
    double penalty = 0.0;
  };
  /// One step of Adam on the architecture parameters. `update` counts these steps from 0; random
  /// draws depend only on the seed and `update`. Cost: a forward and backward pass of every choice.
  Losses update(const Batch& batch, double penalty_weight, std::int64_t update);

  /// Every layer's most probable choice.
  Architecture best() const { return mixture_.best(); }
  /// See ChoiceMixture.
  std::vector<std::vector<double>> probabilities() const { return mixture_.probabilities(); }

  /// The state that update() changes, by name, for checkpoints; shares memory with the search.
  std::map<std::string, torch::Tensor> tensors() const { return mixture_.tensors(); }

  /// The penalty of `choices` [layers, choices], whose rows are one-hot or mixtures. `noise` is
  /// passed to CostNetworks::generate(); undefined means none. Differentiable.
  torch::Tensor penalty(const torch::Tensor& choices, const torch::Tensor& noise) const;

 private:
  ChoiceMixture mixture_;
  const CostNetworks* costs_;
  DanceConfig config_;
  torch::Tensor macs_;  ///< [layers, choices].
  double unit_ = 1.0;   ///< Mean penalty of random architectures.
};

}  // namespace hsconas
