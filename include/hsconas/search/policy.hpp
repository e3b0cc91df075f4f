#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "hsconas/base/adam.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/config/config.hpp"

namespace hsconas {

struct PolicySettings {
  double learning_rate = 0.05;  ///< Step size of Adam, > 0.
  /// Weight of the entropies in the objective, >= 0; keeps the policy from becoming certain early.
  double entropy = 0.0;
  int units = 35;  ///< Of the recurrent policy: size of its state and embeddings, > 0.
};

/// Choices that were tried, and how much better than expected they turned out to be.
struct Episode {
  std::vector<int> choices;  ///< One per axis, from 0.
  double advantage = 0.0;    ///< The reward less a baseline.
  /// One advantage per axis, where the choices of some axes have a reward of their own; else empty.
  std::vector<double> advantages{};

  double advantage_of(std::size_t axis) const {
    return advantages.empty() ? advantage : advantages[axis];
  }
};

/// Probabilities of one choice on each of several axes. They learn from rewards by the policy
/// gradient (Williams, REINFORCE, 1992). What an axis stands for, the caller knows: a layer's
/// operator or width, an edge of a cell, a number of an accelerator design.
///
/// Everything is a function of the choices given and the present parameters, never of a former
/// draw. So an episode always reinforces the probabilities of its own choices. The same calls in
/// the same order give the same state, bit for bit.
class Policy {
 public:
  virtual ~Policy() = default;

  /// Draws a choice for each axis in turn, given those before it.
  virtual std::vector<int> draw(Rng& rng) = 0;
  /// `choices` with those on the axes that `is_free` marks drawn anew, each given those before it.
  virtual std::vector<int> redraw(std::span<const int> choices, const std::vector<bool>& is_free,
                                  Rng& rng) const = 0;
  /// The probabilities of the choices of each axis, given those in `choices` before it.
  virtual std::vector<std::vector<double>> probabilities(std::span<const int> choices) const = 0;
  /// The gradient of objective() with respect to parameters().
  virtual std::vector<double> gradient(const Episode& episode) const = 0;

  /// The sum over the axes of advantage x log(probability of the choice) + entropy weight x the
  /// entropy (in nats) of probabilities().
  double objective(const Episode& episode) const;
  /// One step of Adam up the mean gradient of `episodes`; none without episodes. For an unbiased
  /// estimate, all were drawn since the last step.
  void reinforce(std::span<const Episode> episodes);

  /// Changes PolicySettings::entropy.
  void set_entropy(double weight) { settings_.entropy = weight; }

  /// All parameters, to be inspected or, until the next call of another function, changed.
  std::span<double> parameters() {
    forget();
    return parameters_;
  }

 protected:
  /// Drops whatever was derived from the parameters, because they change.
  virtual void forget() {}

  /// Subclasses set parameters_ to their size.
  explicit Policy(const PolicySettings& settings) : settings_(settings) {}

  PolicySettings settings_;
  std::vector<double> parameters_;

 private:
  Adam adam_;
};

/// One softmax per axis, independent of each other; uniform at first. `counts` are the numbers of
/// choices of the axes, >= 1. Source: the REINFORCE of NATS-Bench (Dong et al., TPAMI 2021).
std::unique_ptr<Policy> softmax_policy(const std::vector<int>& counts,
                                       const PolicySettings& settings);

/// A recurrent controller: a long short-term memory gets an embedding of the choice on the axis
/// before and has a softmax for each axis, so a choice depends on all before it. Parameters are
/// uniform in [-0.08, 0.08] at first. Axes with one choice take no step. Cost of a draw:
/// O(axes x units^2), less for choices that were drawn since the last step of learning. Source:
/// Zoph and Le, Neural Architecture Search with Reinforcement Learning, ICLR 2017, with one layer.
std::unique_ptr<Policy> recurrent_policy(const std::vector<int>& counts,
                                         const PolicySettings& settings, Rng& rng);

/// The policy that search.controller and its other keys describe, on axes with `counts` choices.
/// `rng` draws the first parameters of a recurrent one.
std::unique_ptr<Policy> make_policy(const std::vector<int>& counts, const SearchConfig& config,
                                    Rng& rng);

/// The moving mean of rewards that advantages are relative to.
class MovingBaseline {
 public:
  /// By how much `reward` exceeds the baseline, which then moves towards it; none for the first
  /// reward, which sets the baseline.
  std::optional<double> advantage(double reward);

  /// Unset before the first reward.
  const std::optional<double>& value() const { return value_; }

 private:
  std::optional<double> value_;
};

}  // namespace hsconas
