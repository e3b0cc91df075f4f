#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "hsconas/base/rng.hpp"
#include "hsconas/space/subspace.hpp"
#include "recorder.hpp"

namespace hsconas {

namespace {

constexpr int kChildTries = 10;
constexpr int kDrawTries = 200;

/// A network as it was bred, on a design.
struct Genes {
  Architecture arch;
  std::size_t design = 0;
};

class Evolution {
 public:
  Evolution(Recorder& recorder, std::span<const std::size_t> designs, const Limits& limits,
            const SearchConfig& config, Rng& rng)
      : recorder_(recorder),
        space_(recorder.problem().scorer.space()),
        full_(Subspace::full(space_)),
        networks_(recorder.problem().networks),
        known_(networks_.begin(), networks_.end()),
        designs_(designs),
        allowed_(designs.begin(), designs.end()),
        limits_(limits),
        config_(config),
        rng_(rng) {}

  /// One generation; false when nothing new was found any more.
  bool generation(bool breeds);
  Outcome outcome() const;

 private:
  struct Individual {
    Genes genes;
    Pair pair;
    double violation = 0.0;
  };

  std::vector<std::size_t> parents() const;
  Genes draw();
  Genes child(std::span<const std::size_t> parents);
  std::size_t mutated(std::size_t design);
  /// Costs `genes` and adds them to the generation, unless they were seen before. With `strict`
  /// only inside the limits.
  bool add(const Genes& genes, bool strict, std::vector<Individual>& generation);

  Recorder& recorder_;
  const SearchSpace& space_;
  Subspace full_;
  std::span<const Architecture> networks_;
  std::set<Architecture> known_;
  std::span<const std::size_t> designs_;
  std::set<std::size_t> allowed_;
  const Limits& limits_;
  const SearchConfig& config_;
  Rng& rng_;
  std::set<std::pair<std::size_t, std::size_t>> seen_;
  std::vector<Individual> all_;
};

/// Inside the limits before outside, then the better or nearer one.
template <typename Individual>
bool precedes(const Individual& a, const Individual& b) {
  if (a.violation == 0.0 && b.violation == 0.0) return is_better(a.pair, b.pair);
  return a.violation < b.violation;
}

std::vector<std::size_t> Evolution::parents() const {
  std::vector<std::size_t> order(all_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return precedes(all_[a], all_[b]); });
  order.resize(std::min(order.size(), static_cast<std::size_t>(config_.parents)));
  return order;
}

Genes Evolution::draw() {
  const std::size_t design = designs_[rng_.index(designs_.size())];
  if (!networks_.empty()) return {networks_[rng_.index(networks_.size())], design};
  return {sample(full_, rng_), design};
}

std::size_t Evolution::mutated(std::size_t design) {
  const DesignSpace& space = recorder_.problem().designs;
  const auto from = space.coordinates(design);
  for (int attempt = 0; attempt < kChildTries; ++attempt) {
    std::vector<int> at(from.begin(), from.end());
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      if (!rng_.chance(config_.mutation_probability)) continue;
      at[axis] = static_cast<int>(rng_.index(space.axes()[axis].values.size()));
    }
    const auto to = space.at(at);
    if (to && allowed_.contains(*to)) return *to;
  }
  return design;
}

Genes Evolution::child(std::span<const std::size_t> parents) {
  const auto any_parent = [&]() -> const Genes& {
    return all_[parents[rng_.index(parents.size())]].genes;
  };
  Genes genes = any_parent();
  if (rng_.chance(config_.crossover_probability)) {
    const Genes& other = any_parent();
    genes.arch = cross(genes.arch, other.arch, rng_);
    if (rng_.chance(0.5)) genes.design = other.design;
  }
  genes.arch = mutate(genes.arch, full_, config_.mutation_probability, rng_);
  genes.design = mutated(genes.design);
  return genes;
}

bool Evolution::add(const Genes& genes, bool strict, std::vector<Individual>& generation) {
  Architecture canonical = space_.canonical(genes.arch);
  if (!known_.empty() && !known_.contains(canonical)) return false;
  const std::size_t network = recorder_.index_of(canonical);
  if (seen_.contains({network, genes.design})) return false;
  Individual individual{.genes = genes,
                        .pair = {.network = network,
                                 .design = genes.design,
                                 .cost = recorder_.problem().costs.cost(canonical, genes.design)}};
  individual.violation = limits_.violation(individual.pair.cost);
  if (strict && individual.violation > 0.0) return false;
  seen_.emplace(network, genes.design);
  generation.push_back(std::move(individual));
  return true;
}

bool Evolution::generation(bool breeds) {
  recorder_.stop_check();
  std::vector<Individual> fresh;
  const auto size = static_cast<std::size_t>(config_.population);
  if (breeds && !all_.empty()) {
    const auto chosen = parents();
    for (std::size_t i = 0; i < size; ++i) {
      for (int attempt = 0; attempt < kChildTries; ++attempt) {
        if (add(child(chosen), true, fresh)) break;
      }
    }
  }
  for (int misses = 0; fresh.size() < size && misses < kDrawTries;) {
    misses = add(draw(), true, fresh) ? 0 : misses + 1;
  }
  // Where random pairs do not meet the limits, the first ones show the way.
  for (int misses = 0; fresh.size() < size && misses < kDrawTries;) {
    misses = add(draw(), false, fresh) ? 0 : misses + 1;
  }
  std::vector<std::size_t> networks;
  for (const Individual& individual : fresh) {
    if (individual.violation == 0.0) networks.push_back(individual.pair.network);
  }
  recorder_.judge(networks);
  for (Individual& individual : fresh) {
    if (individual.violation == 0.0) {
      individual.pair.accuracy = recorder_.accuracy(individual.pair.network);
    }
    recorder_.add(individual.pair);
    all_.push_back(std::move(individual));
  }
  return !fresh.empty();
}

Outcome Evolution::outcome() const {
  Outcome outcome;
  std::vector<Pair> inside;
  const Individual* first = nullptr;
  for (const Individual& individual : all_) {
    if (individual.violation == 0.0) inside.push_back(individual.pair);
    if (first == nullptr || precedes(individual, *first)) first = &individual;
  }
  if (first != nullptr) {
    (first->violation == 0.0 ? outcome.best : outcome.nearest) = first->pair;
    outcome.violation = first->violation;
  }
  outcome.front = pareto_front(std::move(inside));
  return outcome;
}

}  // namespace

Outcome evolve(Recorder& recorder, std::span<const std::size_t> designs, const Limits& limits,
               const SearchConfig& config, Rng& rng, bool is_random) {
  Evolution evolution(recorder, designs, limits, config, rng);
  for (int i = 0; i <= config.generations; ++i) {
    if (!evolution.generation(!is_random)) break;
  }
  return evolution.outcome();
}

}  // namespace hsconas
