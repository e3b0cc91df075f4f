#include <deque>
#include <memory>
#include <vector>

#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

/// Aging evolution: of `parents` random members of the population the fittest has a child, one step
/// away; the child joins the population, and the oldest member leaves it, however fit. Source: Real
/// et al., Regularized Evolution for Image Classifier Architecture Search, AAAI 2019.
class RegularizedEvolution : public SearchStrategy {
 public:
  explicit RegularizedEvolution(const StrategyContext& context) : context_(context) {}

  std::vector<Genes> ask(int count) override {
    std::vector<Genes> children;
    if (std::ssize(population_) < context_.config.population) return children;
    for (int i = 0; i < count; ++i) {
      children.push_back(context_.neighbour(tournament().genes));
    }
    return children;
  }

  void tell(std::span<const Individual> scored) override {
    for (const Individual& individual : scored) {
      population_.push_back(individual);
      if (std::ssize(population_) > context_.config.population) population_.pop_front();
    }
  }

  /// First the whole random population, then one child at a time.
  int batch() const override {
    const auto missing = context_.config.population - static_cast<int>(population_.size());
    return missing > 0 ? missing : 1;
  }

 private:
  const Individual& tournament() const {
    const Individual* best = nullptr;
    for (int i = 0; i < context_.config.parents; ++i) {
      const Individual& one = population_[context_.rng.index(population_.size())];
      if (best == nullptr || is_fitter(one.fitness, best->fitness)) best = &one;
    }
    return *best;
  }

  StrategyContext context_;
  std::deque<Individual> population_;  ///< Oldest first.
};

}  // namespace

SearchMethod regularized_search() {
  return {.name = "regularized",
          .meaning = "aging evolution, which removes the oldest member",
          .make = [](const StrategyContext& context) -> std::unique_ptr<SearchStrategy> {
            return std::make_unique<RegularizedEvolution>(context);
          },
          .evaluations = population_evaluations};
}

}  // namespace hsconas
