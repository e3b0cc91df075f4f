#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "hsconas/base/adam.hpp"
#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

constexpr double kLearningRate = 0.05;
constexpr double kBaselineDecay = 0.9;
constexpr int kReinforceRound = 5;
/// Members drawn for a place before it is left to the driver.
constexpr int kDraws = 100;

/// Probabilities of the values of one axis: a softmax of logits that Adam moves.
class AxisPolicy {
 public:
  explicit AxisPolicy(std::vector<int> values)
      : values_(std::move(values)), logits_(values_.size()), adam_(values_.size()) {}

  int draw(Rng& rng) const {
    const auto chances = probabilities();
    double left = rng.uniform();
    for (std::size_t i = 0; i + 1 < chances.size(); ++i) {
      left -= chances[i];
      if (left < 0.0) return values_[i];
    }
    return values_.back();
  }

  /// One step up the gradient of advantage x log(probability of `value`).
  void reinforce(int value, double advantage) {
    std::vector<double> gradient = probabilities();
    for (std::size_t i = 0; i < values_.size(); ++i) {
      gradient[i] = advantage * (gradient[i] - (values_[i] == value ? 1.0 : 0.0));
    }
    adam_.descend(logits_, gradient, kLearningRate);
  }

 private:
  std::vector<double> probabilities() const {
    const double highest = *std::max_element(logits_.begin(), logits_.end());
    std::vector<double> result;
    double sum = 0.0;
    for (const double logit : logits_) {
      result.push_back(std::exp(logit - highest));
      sum += result.back();
    }
    for (double& probability : result) probability /= sum;
    return result;
  }

  std::vector<int> values_;
  std::vector<double> logits_;
  Adam adam_;
};

/// Policy gradient: every axis has a softmax over its values, all of which learn from the score of
/// each individual less a moving mean of scores. Source: Williams, REINFORCE, 1992; without a
/// recurrent controller as in the comparison of NATS-Bench (Dong et al., TPAMI 2021).
class Reinforce : public SearchStrategy {
 public:
  explicit Reinforce(const StrategyContext& context) : context_(context) {
    for (auto& values : context.region.axes()) axes_.emplace_back(std::move(values));
  }

  std::vector<Genes> ask(int count) override {
    std::vector<Genes> proposals;
    proposals.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) proposals.push_back(draw());
    return proposals;
  }

  void tell(std::span<const Individual> scored) override {
    for (const Individual& individual : scored) {
      if (individual.fitness.violation > 0.0) continue;
      const double score = individual.fitness.score;
      if (baseline_) {
        for (std::size_t axis = 0; axis < axes_.size(); ++axis) {
          axes_[axis].reinforce(individual.genes[axis], score - *baseline_);
        }
      }
      baseline_ = kBaselineDecay * baseline_.value_or(score) + (1.0 - kBaselineDecay) * score;
    }
  }

  int batch() const override { return kReinforceRound; }

  /// The score of an individual below the mean may be an estimate; it only pushes away from it.
  double floor() const override { return baseline_.value_or(SearchStrategy::floor()); }

 private:
  /// Drawn again while it is outside the limits or known, because the policy knows neither.
  Genes draw() const {
    Genes genes(axes_.size());
    for (int attempt = 0; attempt < kDraws; ++attempt) {
      for (std::size_t axis = 0; axis < axes_.size(); ++axis) {
        genes[axis] = axes_[axis].draw(context_.rng);
      }
      if (context_.is_usable(genes)) break;
    }
    return genes;
  }

  StrategyContext context_;
  std::vector<AxisPolicy> axes_;
  std::optional<double> baseline_;
};

}  // namespace

SearchMethod reinforce_search() {
  return {.name = "reinforce",
          .meaning = "policy gradient on one softmax per gene",
          .make = [](const StrategyContext& context) -> std::unique_ptr<SearchStrategy> {
            return std::make_unique<Reinforce>(context);
          },
          .evaluations = population_evaluations};
}

}  // namespace hsconas
