#include <limits>

#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

/// Proposes nothing, so that the driver fills every place with a random individual.
class RandomSearch : public SearchStrategy {
 public:
  explicit RandomSearch(const StrategyContext& context) : population_(context.config.population) {}

  std::vector<Genes> ask(int /*count*/) override { return {}; }
  void tell(std::span<const Individual> /*scored*/) override {}
  int batch() const override { return population_; }
  double floor() const override { return std::numeric_limits<double>::infinity(); }

 private:
  int population_;
};

}  // namespace

SearchMethod random_search() {
  return {.name = "random",
          .meaning = "random architectures near T, the baseline",
          .make = [](const StrategyContext& context) -> std::unique_ptr<SearchStrategy> {
            return std::make_unique<RandomSearch>(context);
          },
          .evaluations = population_evaluations};
}

}  // namespace hsconas
