#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <torch/types.h>

#include "hsconas/base/log.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/cost_function.hpp"
#include "hsconas/codesign/design_space.hpp"
#include "hsconas/train/optimizer.hpp"

namespace hsconas {

/// Replaces each row of probabilities [batch, n] by the one-hot row of its maximum, with the
/// gradient of the probabilities (straight-through estimator).
torch::Tensor hardened(const torch::Tensor& soft);

/// A perceptron with one layer from the inputs to `width` neurons, four residual layers and a
/// linear output layer. Activations are ReLU.
class ResidualMlp {
 public:
  /// Weights start from N(0, 2 / n) in a layer with n inputs, a tenth of that in the output layer;
  /// biases start at 0.
  ResidualMlp(std::string name, std::int64_t inputs, std::int64_t width, std::int64_t outputs,
              Rng& rng);

  torch::Tensor forward(const torch::Tensor& x) const;  ///< [batch, inputs] -> [batch, outputs].
  /// Sets whether weights and biases have gradients. A frozen network only passes gradients to its
  /// inputs.
  void set_trained(bool trained);
  /// Weights and biases by name ("cost.0.weight"); they share memory with the network.
  std::map<std::string, torch::Tensor> tensors() const;
  /// Copies `tensors` into the network. Throws Error(Data) that names a tensor that is missing or
  /// has another shape.
  void load(const std::map<std::string, torch::Tensor>& tensors);
  void to(torch::ScalarType type);

 private:
  std::string name_;
  std::vector<torch::Tensor> weights_, biases_;
};

/// Accuracy of the cost networks on architectures that they were not trained on.
struct CostNetworksReport {
  double regret_median = 0.0;  ///< Cost on the generated design divided by that on the best one.
  double regret_mean = 0.0;
  double regret_p95 = 0.0;
  std::vector<double> right;  ///< Fraction of correct choices, by axis of the design space.
  Metrics pair_error;         ///< Mean relative error on random pairs; only with forwarding.
  Metrics best_error;  ///< Mean relative error of the prediction from the network alone, compared
                       ///< with its best design.
};

/// DANCE's evaluator (Choi et al., arXiv 2009.06237): two networks that approximate the exhaustive
/// search for the best design of an architecture, and its cost, differentiably.
///
/// The hardware generation network maps an architecture, given as choice probabilities per layer
/// (one-hot for a concrete architecture), to a choice on every axis of the design space. It learns
/// from the designs that exhaustive search finds. The cost network maps the architecture and these
/// choices (feature forwarding) to the logarithms of latency, energy and area. It learns from pairs
/// of architecture and design whose cost the accelerator model computes: half of them are random
/// and new in every step, half are architectures on their best designs. Without forwarding, its
/// input is the architecture alone and it learns the cost on the best design.
class CostNetworks {
 public:
  /// The reference of cost_function() is the geometric mean of each metric over random pairs. The
  /// referenced objects must outlive this one. Throws Error(Infeasible) when fewer than a tenth of
  /// random pairs fit the global buffer.
  CostNetworks(const SearchSpace& space, const DesignSpace& designs, const PairCostModel& costs,
               const DanceConfig& config, std::uint64_t seed, bool forwards = true);

  std::int64_t architecture_size() const { return architecture_size_; }
  std::int64_t hardware_size() const { return hardware_size_; }
  /// One-hot code [architecture_size()] of the canonical form of `arch`.
  torch::Tensor encode(const Architecture& arch) const;

  /// Choices on the axes, [batch, hardware_size()], for architectures [batch, architecture_size()]:
  /// softmax((logits + noise) / temperature) per axis. With `hard`, the value is the one-hot
  /// maximum and the gradient that of the softmax. `noise` has the result's shape; undefined means
  /// none.
  torch::Tensor generate(const torch::Tensor& archs, const torch::Tensor& noise, double temperature,
                         bool hard) const;
  /// Latency, energy and area, [batch, 3], relative to cost_function().reference(). Without
  /// forwarding, `hardware` is ignored.
  torch::Tensor metrics(const torch::Tensor& archs, const torch::Tensor& hardware) const;
  /// cost_function() of the metrics on the generated choices, [batch]; differentiable in `archs`.
  torch::Tensor cost(const torch::Tensor& archs, const torch::Tensor& noise, double temperature,
                     bool hard) const;
  /// Index of the design to which the generator gives the highest probability.
  std::size_t design_of(const Architecture& arch) const;

  const CostFunction& cost_function() const { return cost_; }
  const std::vector<double>& areas() const { return areas_; }

  /// Trains both networks from their current step to the end and freezes them. `save` must store
  /// state(); it is called every `save_minutes` and before Error(Interrupted) is thrown on a stop
  /// request. The same seed gives the same weights, also across a stop and load_state().
  void train(Log& log, const GroupStop& stop, double save_minutes,
             const std::function<void()>& save);
  bool is_trained() const { return generator_step_ == config_.generator_steps; }

  /// Weights, optimiser state and progress. load_state() throws Error(Data) that names a tensor
  /// that is missing or has another shape.
  std::map<std::string, torch::Tensor> state() const;
  void load_state(const std::map<std::string, torch::Tensor>& state);

  /// Tests on config.test_networks random architectures from a separate random stream.
  CostNetworksReport test() const;

  void to(torch::ScalarType type);  ///< Converts both; tests need double for finite differences.

 private:
  struct Pairs;
  struct Labels;
  class Optimizer;

  /// How random networks are drawn. Test networks (ToJudge) are uniform over the space. Half of the
  /// training networks (ToLearn) prefer some operators, different ones in each network, because a
  /// search may end at networks that uniform draws hardly ever give, such as those that skip most
  /// layers.
  enum class Draw { ToJudge, ToLearn };
  Architecture random_network(Rng& rng, Draw draw) const;
  Pairs random_pairs(Rng& rng, std::int64_t count, Draw draw) const;
  Labels label(const std::string& stream, std::int64_t count, Draw draw) const;
  torch::Tensor hardware_code(const std::vector<std::size_t>& designs) const;
  torch::Tensor code(const std::vector<Architecture>& archs) const;
  torch::Tensor logs(const torch::Tensor& archs, const torch::Tensor& hardware) const;
  /// Losses of a random batch.
  torch::Tensor cost_loss(Rng& rng, const Labels& labels) const;
  torch::Tensor generator_loss(Rng& rng, const Labels& labels) const;
  Metrics geometric_means();

  const SearchSpace& space_;
  const DesignSpace& designs_;
  const PairCostModel& costs_;
  DanceConfig config_;
  std::uint64_t seed_;
  bool forwards_;
  std::vector<double> areas_;
  std::int64_t architecture_size_ = 0, hardware_size_ = 0;
  torch::Tensor log_deviation_;  ///< [3], standard deviation of log metrics over random pairs.
  CostFunction cost_;
  ResidualMlp cost_network_, generator_;
  std::map<std::string, AdamMoments> moments_;  ///< By the name of the tensor.
  std::int64_t cost_step_ = 0, generator_step_ = 0;
};

}  // namespace hsconas
