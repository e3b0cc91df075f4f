#include <memory>
#include <optional>
#include <vector>

#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

/// Hill climbing: moves from one individual to a neighbour, one step away, as soon as one is
/// fitter; after `population` neighbours without success it starts again at a random individual. A
/// random individual that the driver scores in place of unusable neighbours counts as one of them.
class LocalSearch : public SearchStrategy {
 public:
  explicit LocalSearch(const StrategyContext& context) : context_(context) {}

  std::vector<Genes> ask(int count) override {
    std::vector<Genes> neighbours;
    if (!place_) return neighbours;
    for (int i = 0; i < count; ++i) {
      neighbours.push_back(context_.neighbour(place_->genes));
    }
    return neighbours;
  }

  void tell(std::span<const Individual> scored) override {
    for (const Individual& individual : scored) {
      if (!place_ || is_fitter(individual.fitness, place_->fitness)) {
        place_ = individual;
        failures_ = 0;
      } else if (++failures_ >= context_.config.population) {
        place_.reset();
      }
    }
  }

  int batch() const override { return 1; }

  double floor() const override { return place_ ? place_->fitness.score : SearchStrategy::floor(); }

 private:
  StrategyContext context_;
  std::optional<Individual> place_;
  int failures_ = 0;  ///< Neighbours of `place_` in a row that were no fitter.
};

}  // namespace

SearchMethod local_search() {
  return {.name = "local",
          .meaning = "hill climbing with random restarts",
          .make = [](const StrategyContext& context) -> std::unique_ptr<SearchStrategy> {
            return std::make_unique<LocalSearch>(context);
          },
          .evaluations = population_evaluations};
}

}  // namespace hsconas
