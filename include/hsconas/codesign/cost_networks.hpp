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

/// Rows of probabilities [B, n] as one-hot rows of their maxima, with the gradient of the
/// probabilities (straight-through).
torch::Tensor hardened(const torch::Tensor& soft);

/// A perceptron of five layers: the first takes the inputs to `width` neurons, each of the other
/// four adds to what it gets, then a linear layer to the outputs. ReLU throughout.
class ResidualMlp {
 public:
  /// Weights at N(0, 2 / inputs), the output layer's at a tenth of that, biases at 0.
  ResidualMlp(std::string name, std::int64_t inputs, std::int64_t width, std::int64_t outputs,
              Rng& rng);

  torch::Tensor forward(const torch::Tensor& x) const;  ///< [B, inputs] -> [B, outputs].
  /// Gradients are wanted, or not: of the frozen one only inputs have them.
  void set_trained(bool trained);
  /// By name ("cost.0.weight"); they alias the network's own.
  std::map<std::string, torch::Tensor> tensors() const;
  /// Throws Error(Data) that names a tensor that is missing or does not fit.
  void load(const std::map<std::string, torch::Tensor>& tensors);
  void to(torch::ScalarType type);

 private:
  std::string name_;
  std::vector<torch::Tensor> weights_, biases_;
};

/// How good the networks are, on architectures they were not trained on.
struct CostNetworksReport {
  double regret_median = 0.0;  ///< Cost on the generated design / on the best one.
  double regret_mean = 0.0;
  double regret_p95 = 0.0;
  std::vector<double> right;  ///< Share of right choices, by axis of the design space.
  Metrics pair_error;         ///< Mean relative error on random pairs; with forwarding only.
  Metrics best_error;  ///< The same of what is predicted for a network alone, on its best design.
};

/// DANCE's evaluator (Choi et al., arXiv 2009.06237): imitates the search for the best design of a
/// network and its cost, and is differentiable.
///
/// The hardware generation network takes an architecture, a row of choice probabilities per layer
/// (one-hot for a concrete one), to a choice on every axis of the design space; it learns from the
/// designs that exhaustive search finds. The cost network takes the architecture and these choices
/// (feature forwarding) to log latency, energy and area; it learns from pairs that the accelerator
/// model costs, half of them random and always new, half networks on their best designs. Without
/// forwarding it takes the architecture alone and learns what that costs on its best design.
class CostNetworks {
 public:
  /// `cost` is normalised by geometric means over random pairs, drawn here. The referenced objects
  /// must outlive it. Throws Error(Infeasible) when hardly any pair fits a buffer.
  CostNetworks(const SearchSpace& space, const DesignSpace& designs, const PairCostModel& costs,
               const DanceConfig& config, std::uint64_t seed, bool forwards = true);

  std::int64_t architecture_size() const { return architecture_size_; }
  std::int64_t hardware_size() const { return hardware_size_; }
  /// [architecture_size()]: one-hot, canonical.
  torch::Tensor encode(const Architecture& arch) const;

  /// Choices on the axes, [B, hardware_size()], of architectures [B, architecture_size()]: per axis
  /// softmax((logits + noise) / temperature). With `hard` the forward value is its one-hot maximum,
  /// the gradient that of the softmax. `noise`, of the result's shape, may be undefined: none.
  torch::Tensor generate(const torch::Tensor& archs, const torch::Tensor& noise, double temperature,
                         bool hard) const;
  /// Latency, energy and area, [B, 3], relative to cost_function().reference(). `hardware` is not
  /// looked at without forwarding.
  torch::Tensor metrics(const torch::Tensor& archs, const torch::Tensor& hardware) const;
  /// The cost function of generate() and metrics() in one, [B]; differentiable in `archs`.
  torch::Tensor cost(const torch::Tensor& archs, const torch::Tensor& noise, double temperature,
                     bool hard) const;
  /// The design that the generator prefers, among those that exist.
  std::size_t design_of(const Architecture& arch) const;

  const CostFunction& cost_function() const { return cost_; }
  const std::vector<double>& areas() const { return areas_; }

  /// Trains both from where they are to the end and freezes them. `save` is called now and then and
  /// before Error(Interrupted) is thrown on a stop: state() is then to be stored. The same seed
  /// gives the same weights, also across a stop and load_state().
  void train(Log& log, const StopToken& stop, double save_minutes,
             const std::function<void()>& save);
  bool is_trained() const { return generator_step_ == config_.generator_steps; }

  /// Weights, optimiser and progress; load_state() throws Error(Data) for what does not fit.
  std::map<std::string, torch::Tensor> state() const;
  void load_state(const std::map<std::string, torch::Tensor>& state);

  /// On config.test_networks random architectures of a stream of their own.
  CostNetworksReport test() const;

  void to(torch::ScalarType type);  ///< Double for checks by finite differences.

 private:
  struct Pairs;
  struct Labels;
  class Optimizer;

  /// Networks to judge by are uniform over the space. Half of those to learn from prefer some
  /// operators, each network its own: a search ends where uniform ones hardly ever lie, such as at
  /// those that skip most layers.
  enum class Draw { ToJudge, ToLearn };
  Architecture random_network(Rng& rng, Draw draw) const;
  Pairs random_pairs(Rng& rng, std::int64_t count, Draw draw) const;
  Labels label(const std::string& stream, std::int64_t count, Draw draw) const;
  torch::Tensor hardware_code(const std::vector<std::size_t>& designs) const;
  torch::Tensor code(const std::vector<Architecture>& archs) const;
  torch::Tensor logs(const torch::Tensor& archs, const torch::Tensor& hardware) const;
  torch::Tensor generator_loss(const torch::Tensor& archs, const torch::Tensor& choices) const;
  Metrics geometric_means();

  const SearchSpace& space_;
  const DesignSpace& designs_;
  const PairCostModel& costs_;
  DanceConfig config_;
  std::uint64_t seed_;
  bool forwards_;
  std::vector<double> areas_;
  std::int64_t architecture_size_ = 0, hardware_size_ = 0;
  torch::Tensor log_deviation_;  ///< [3], of the logarithms of random pairs' metrics.
  CostFunction cost_;
  ResidualMlp cost_network_, generator_;
  std::map<std::string, AdamMoments> moments_;  ///< By the tensor's name.
  std::int64_t cost_step_ = 0, generator_step_ = 0;
};

}  // namespace hsconas
