#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "hsconas/search/front.hpp"
#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

constexpr double kFrontCrossover = 0.9;

/// A member of the population with what selection compares.
struct Ranked {
  Individual individual;
  int front = 0;          ///< Number of the front; those outside the limits come after all others.
  double crowding = 0.0;  ///< Distance of the neighbours on that front.

  bool precedes(const Ranked& other) const {
    return front != other.front ? front < other.front : crowding > other.crowding;
  }
};

Objectives objectives_of(const Individual& individual) {
  const Fitness& fitness = individual.fitness;
  return fitness.objectives.empty() ? Objectives{-fitness.score} : fitness.objectives;
}

/// Numbers of fronts by constrained domination: individuals outside the limits are behind all
/// inside, in the order of their violation.
std::vector<int> constrained_fronts(const std::vector<Ranked>& members) {
  std::vector<std::size_t> inside;
  std::vector<Objectives> points;
  std::vector<double> violations;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Fitness& fitness = members[i].individual.fitness;
    if (fitness.violation > 0.0) {
      violations.push_back(fitness.violation);
      continue;
    }
    inside.push_back(i);
    points.push_back(objectives_of(members[i].individual));
  }
  std::vector<int> result(members.size(), 0);
  int fronts = 0;
  const auto numbers = front_numbers(points);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    result[inside[i]] = numbers[i];
    fronts = std::max(fronts, numbers[i] + 1);
  }
  std::sort(violations.begin(), violations.end());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const double violation = members[i].individual.fitness.violation;
    if (violation == 0.0) continue;
    const auto at = std::lower_bound(violations.begin(), violations.end(), violation);
    result[i] = fronts + static_cast<int>(at - violations.begin());
  }
  return result;
}

/// Sets front and crowding of all members.
void rank(std::vector<Ranked>& members) {
  const auto fronts = constrained_fronts(members);
  std::vector<std::vector<std::size_t>> by_front;
  for (std::size_t i = 0; i < members.size(); ++i) {
    members[i].front = fronts[i];
    const auto front = static_cast<std::size_t>(fronts[i]);
    if (by_front.size() <= front) by_front.resize(front + 1);
    by_front[front].push_back(i);
  }
  for (const auto& front : by_front) {
    std::vector<Objectives> points;
    points.reserve(front.size());
    for (const std::size_t i : front) points.push_back(objectives_of(members[i].individual));
    const auto distances = crowding_distances(points);
    for (std::size_t i = 0; i < front.size(); ++i) members[front[i]].crowding = distances[i];
  }
}

/// NSGA-II: parents and children together are sorted into fronts, and the first fronts survive, of
/// the last of them the members that are least crowded. A child has two parents, each the better
/// of two random survivors. Genes are categories, so crossover is uniform, and mutation redraws
/// one gene on average. Source: Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm,
/// 2002.
class Nsga2 : public SearchStrategy {
 public:
  explicit Nsga2(const StrategyContext& context) : context_(context) {
    double free_axes = 0.0;
    for (const auto& values : context.region.axes()) free_axes += values.size() > 1 ? 1.0 : 0.0;
    mutation_ = free_axes > 0.0 ? 1.0 / free_axes : 0.0;
  }

  std::vector<Genes> ask(int count) override {
    select();
    std::vector<Genes> children;
    if (population_.empty()) return children;
    for (int i = 0; i < count; ++i) children.push_back(child());
    return children;
  }

  void tell(std::span<const Individual> scored) override {
    for (const Individual& individual : scored) children_.push_back({individual});
  }

  int batch() const override { return context_.config.population; }

 private:
  /// Lets the fittest of the population and of the children since the last selection survive.
  void select();
  const Genes& parent() const;
  Genes child() const;

  StrategyContext context_;
  double mutation_ = 0.0;  ///< Probability that a gene is redrawn.
  std::vector<Ranked> population_;
  std::vector<Ranked> children_;
};

void Nsga2::select() {
  if (children_.empty()) return;
  std::move(children_.begin(), children_.end(), std::back_inserter(population_));
  children_.clear();
  rank(population_);
  std::stable_sort(population_.begin(), population_.end(),
                   [](const Ranked& a, const Ranked& b) { return a.precedes(b); });
  const auto survivors = static_cast<std::size_t>(context_.config.population);
  if (population_.size() > survivors) population_.resize(survivors);
}

const Genes& Nsga2::parent() const {
  const Ranked& one = population_[context_.rng.index(population_.size())];
  const Ranked& other = population_[context_.rng.index(population_.size())];
  return (other.precedes(one) ? other : one).individual.genes;
}

Genes Nsga2::child() const {
  Genes genes = parent();
  if (context_.rng.chance(kFrontCrossover)) {
    Genes both = context_.region.cross(genes, parent(), context_.rng);
    // The child of two members need not be one.
    if (context_.region.contains(both)) genes = std::move(both);
  }
  return context_.region.mutate(genes, mutation_, context_.rng);
}

}  // namespace

SearchMethod nsga2_search() {
  return {.name = "nsga2",
          .meaning = "a front of accuracy and latency, with T as the upper bound (NSGA-II)",
          .make = [](const StrategyContext& context) -> std::unique_ptr<SearchStrategy> {
            return std::make_unique<Nsga2>(context);
          },
          .evaluations = population_evaluations,
          .finds_front = true};
}

}  // namespace hsconas
