#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "context.hpp"
#include "design_phases.hpp"
#include "hsconas/search/policy.hpp"
#include "pair_region.hpp"

namespace hsconas {

/// A pair that a policy drew.
struct DrawnPair {
  std::vector<int> choices;  ///< One per axis of the policy.
  Genes genes;
  bool is_member = false;  ///< Whether there is such a pair; else the rest is unset.
  Architecture network{};  ///< In canonical form.
  std::size_t design = 0;
  PairCost cost{};
  double violation = std::numeric_limits<double>::infinity();

  bool is_inside() const { return violation == 0.0; }
};

/// Accuracies relative to those before: networks of one space differ by a percent or by tens of
/// them, and a reward compares these differences with distances to limits.
class AccuracyScale {
 public:
  /// How many times two standard deviations `accuracy` is above the mean of all so far, itself
  /// included; in [-1, 1].
  double relative(double accuracy);

 private:
  double count_ = 0.0;
  double mean_ = 0.0;
  double squares_ = 0.0;  ///< Sum of squared differences from the mean.
};

/// w x relative accuracy + (1 - w) x slack, see AccuracyScale, Limits::slack() and
/// codesign.accuracy_weight. Source: the reward of Jiang et al. (TCAD 2020), whose accuracies are
/// not relative; so they hardly count beside slacks.
double pair_reward(const CodesignConfig& config, const Limits& limits, double relative_accuracy,
                   const PairCost& cost);

/// A policy over the genes of networks and designs, and what searches by it have in common: they
/// draw pairs and cost them, which takes microseconds, ask for the accuracies of some, and teach
/// the policy. An episode always reinforces the probabilities of the pair that it holds, whichever
/// pairs were drawn in between, see Policy.
class PairController {
 public:
  explicit PairController(CodesignContext& context);

  /// Marks the axes of the policy that phases up to `last` from `first` on decide.
  std::vector<bool> axes_of(DesignPhase first, DesignPhase last) const;
  /// The phases that decide an axis with several values, in order.
  std::vector<DesignPhase> phases() const;

  DrawnPair draw() { return costed(policy_->draw(rng_)); }
  /// `pair` with the axes that `is_free` marks drawn again.
  DrawnPair redraw(const DrawnPair& pair, const std::vector<bool>& is_free) {
    return costed(policy_->redraw(pair.choices, is_free, rng_));
  }
  /// A uniformly drawn pair inside the limits whose network has no accuracy yet; none if a bounded
  /// number of draws finds none.
  std::optional<DrawnPair> draw_uniformly();

  /// Whether the accuracy of the pair's network was asked for.
  bool is_known(const DrawnPair& pair) const { return asked_.contains(pair.network); }
  /// Asks for the accuracy of the network of a member, and takes the pair as tried. Returns its
  /// reward.
  double ask(const DrawnPair& pair);

  /// Teaches the policy what the members among `drawn` cost, relative to other pairs drawn: the
  /// larger the slack, the better. The step is small beside that of a reward.
  void learn_costs(std::span<const DrawnPair> drawn);
  void reinforce(const Episode& episode) { policy_->reinforce({&episode, 1}); }
  void set_entropy(double weight) { policy_->set_entropy(weight); }

  /// Whether the accuracies of all given networks were asked for.
  bool is_exhausted() const {
    return context_.has_networks() && asked_.size() >= context_.problem.networks.size();
  }
  std::int64_t asked() const { return std::ssize(asked_); }
  std::int64_t costed_pairs() const { return costed_; }

  /// The best of the pairs tried. The network of the best one is tried on all designs before,
  /// because costs are exact and need no accuracy.
  BestPairs finish();

 private:
  DrawnPair costed(std::vector<int> choices);
  std::vector<int> choices_of(const Genes& genes) const;

  CodesignContext& context_;
  Rng rng_;
  PairRegion region_;
  std::vector<std::vector<int>> values_;  ///< [gene]
  std::vector<DesignPhase> phase_of_;     ///< [gene]
  std::vector<std::size_t> order_;        ///< [axis of the policy]: its gene. By phase.
  std::unique_ptr<Policy> policy_;
  MovingBaseline cost_baseline_;
  AccuracyScale scale_;
  std::set<Architecture> asked_;
  std::int64_t costed_ = 0;
  std::vector<Pair> tried_;
  std::optional<DrawnPair> nearest_;
};

}  // namespace hsconas
