#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "hsconas/search/methods.hpp"
#include "hsconas/search/policy.hpp"

namespace hsconas {

namespace {

constexpr int kReinforceRound = 5;
/// Members drawn for a place before it is left to the driver.
constexpr int kDraws = 100;

std::vector<int> counts_of(const std::vector<std::vector<int>>& axes) {
  std::vector<int> counts;
  counts.reserve(axes.size());
  for (const auto& values : axes) counts.push_back(static_cast<int>(values.size()));
  return counts;
}

/// Policy gradient: a policy draws individuals, and learns from the score of each of them less a
/// moving mean of scores. Source: Williams, REINFORCE, 1992.
class Reinforce : public SearchStrategy {
 public:
  explicit Reinforce(const StrategyContext& context)
      : context_(context),
        axes_(context.region.axes()),
        policy_(make_policy(counts_of(axes_), context.config, context.rng)) {}

  std::vector<Genes> ask(int count) override {
    std::vector<Genes> proposals;
    proposals.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) proposals.push_back(draw());
    return proposals;
  }

  void tell(std::span<const Individual> scored) override {
    for (const Individual& individual : scored) {
      if (individual.fitness.violation > 0.0) continue;
      const auto advantage = baseline_.advantage(individual.fitness.score);
      if (!advantage) continue;
      const Episode episode{.choices = choices_of(individual.genes), .advantage = *advantage};
      policy_->reinforce({&episode, 1});
    }
  }

  int batch() const override { return kReinforceRound; }

  /// The score of an individual below the mean may be an estimate; it only pushes away from it.
  double floor() const override { return baseline_.value().value_or(SearchStrategy::floor()); }

 private:
  /// Drawn again while it is outside the limits or known, because the policy knows neither.
  Genes draw() const {
    Genes genes(axes_.size());
    for (int attempt = 0; attempt < kDraws; ++attempt) {
      const auto choices = policy_->draw(context_.rng);
      for (std::size_t axis = 0; axis < axes_.size(); ++axis) {
        genes[axis] = axes_[axis][static_cast<std::size_t>(choices[axis])];
      }
      if (context_.is_usable(genes)) break;
    }
    return genes;
  }

  std::vector<int> choices_of(const Genes& genes) const {
    std::vector<int> choices;
    choices.reserve(genes.size());
    for (std::size_t axis = 0; axis < genes.size(); ++axis) {
      const auto& values = axes_[axis];
      const auto at = std::lower_bound(values.begin(), values.end(), genes[axis]);
      choices.push_back(static_cast<int>(at - values.begin()));
    }
    return choices;
  }

  StrategyContext context_;
  std::vector<std::vector<int>> axes_;  ///< The values of each gene, ascending.
  std::unique_ptr<Policy> policy_;
  MovingBaseline baseline_;
};

}  // namespace

SearchMethod reinforce_search() {
  return {.name = "reinforce",
          .meaning = "policy gradient; search.controller holds the probabilities",
          .make = [](const StrategyContext& context) -> std::unique_ptr<SearchStrategy> {
            return std::make_unique<Reinforce>(context);
          },
          .evaluations = population_evaluations};
}

}  // namespace hsconas
