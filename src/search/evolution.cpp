#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

/// Children bred for a place before it is left to the driver. Near a budget that few networks keep,
/// or once the parents are alike, most children are unusable.
constexpr int kChildTries = 100;

/// The `parents` fittest of all individuals so far have children. A child has two parents (uniform
/// crossover) with crossover_probability, else one; then every gene mutates with
/// mutation_probability. Source: SPOS (Guo et al., arXiv 1904.00420), released code.
class Evolution : public SearchStrategy {
 public:
  explicit Evolution(const StrategyContext& context) : context_(context) {}

  std::vector<Genes> ask(int count) override {
    std::vector<Genes> children;
    if (scored_.empty()) return children;
    const auto parents = fittest(scored_, context_.config.parents);
    for (int i = 0; i < count; ++i) children.push_back(usable_child(parents));
    return children;
  }

  void tell(std::span<const Individual> scored) override {
    scored_.insert(scored_.end(), scored.begin(), scored.end());
  }

  int batch() const override { return context_.config.population; }

  double floor() const override { return parents_floor(scored_, context_.config); }

 private:
  /// Bred again while it is outside the limits or known, because breeding heeds neither.
  Genes usable_child(std::span<const std::size_t> parents) const {
    Genes genes;
    for (int attempt = 0; attempt < kChildTries; ++attempt) {
      genes = child(parents);
      if (context_.is_usable(genes)) break;
    }
    return genes;
  }

  Genes child(std::span<const std::size_t> parents) const {
    Rng& rng = context_.rng;
    const auto any_parent = [&]() -> const Genes& {
      return scored_[parents[rng.index(parents.size())]].genes;
    };
    Genes genes = any_parent();
    if (rng.chance(context_.config.crossover_probability)) {
      const Genes& other = any_parent();
      genes = context_.region.cross(genes, other, rng);
    }
    return context_.region.mutate(genes, context_.config.mutation_probability, rng);
  }

  StrategyContext context_;
  std::vector<Individual> scored_;
};

}  // namespace

SearchMethod evolution_search() {
  return {.name = "evolution",
          .meaning = "breeds children of the best candidates so far",
          .make = [](const StrategyContext& context) -> std::unique_ptr<SearchStrategy> {
            return std::make_unique<Evolution>(context);
          },
          .evaluations = population_evaluations};
}

}  // namespace hsconas
