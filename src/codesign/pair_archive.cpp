#include "pair_archive.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace hsconas {

std::size_t PairArchive::index_of(const Architecture& arch) {
  const auto [it, is_new] = known_.emplace(arch, result.networks.size());
  if (is_new) {
    result.networks.push_back(arch);
    accuracies_.push_back(std::numeric_limits<double>::quiet_NaN());
  }
  return it->second;
}

void PairArchive::evaluate(std::span<const std::size_t> networks) {
  std::vector<std::size_t> missing;
  std::vector<Architecture> archs;
  for (const std::size_t index : networks) {
    if (!std::isnan(accuracies_[index])) continue;
    accuracies_[index] = 0.0;  // Marks it as asked for.
    missing.push_back(index);
    archs.push_back(result.networks[index]);
  }
  const std::vector<double> accuracies = problem_.accuracies.accuracies(archs);
  for (std::size_t i = 0; i < missing.size(); ++i) {
    accuracies_[missing[i]] = accuracies[i];
  }
  result.counts.networks += static_cast<std::int64_t>(missing.size());
}

void PairArchive::add(const Pair& pair) {
  ++result.counts.pairs;
  if (result.scored.size() < most_pairs_) {
    result.scored.push_back(pair);
  } else {
    result.is_complete = false;
  }
}

BestPairs best_of(std::span<const Pair> tried, const Limits& limits) {
  BestPairs result{.violation = std::numeric_limits<double>::infinity()};
  std::vector<Pair> inside;
  for (const Pair& pair : tried) {
    const double violation = limits.violation(pair.cost);
    if (violation == 0.0) {
      inside.push_back(pair);
      if (!result.best || is_better(pair, *result.best)) result.best = pair;
    } else if (!result.nearest || violation < result.violation) {
      result.nearest = pair;
      result.violation = violation;
    }
  }
  result.front = pareto_front(std::move(inside));
  return result;
}

BestPairs sweep(PairArchive& archive, std::vector<std::size_t> networks,
                std::span<const std::size_t> designs, const Limits& limits, const GroupStop& stop,
                bool keep_pairs) {
  std::stable_sort(networks.begin(), networks.end(), [&](std::size_t a, std::size_t b) {
    return archive.accuracy(a) > archive.accuracy(b);
  });
  const PairCostModel& costs = archive.problem().costs;
  std::vector<PairCost> row(costs.designs());
  BestPairs result;
  result.violation = std::numeric_limits<double>::infinity();
  ParetoFront front;
  std::vector<Pair> level;  // Pairs of one accuracy that meet the limits.
  for (std::size_t i = 0; i < networks.size(); ++i) {
    stop.check();
    const std::size_t network = networks[i];
    const double accuracy = archive.accuracy(network);
    if (designs.size() > 1) {
      costs.costs(archive.network(network), row);
    } else {
      row[designs[0]] = costs.cost(archive.network(network), designs[0]);
    }
    for (const std::size_t design : designs) {
      const Pair pair{
          .network = network, .design = design, .accuracy = accuracy, .cost = row[design]};
      archive.add(pair);
      if (keep_pairs) result.pairs.push_back(pair);
      const double violation = limits.violation(pair.cost);
      if (violation == 0.0) {
        level.push_back(pair);
        if (!result.best || is_better(pair, *result.best)) result.best = pair;
      } else if (!result.nearest || violation < result.violation) {
        result.nearest = pair;
        result.violation = violation;
      }
    }
    if (i + 1 == networks.size() || archive.accuracy(networks[i + 1]) != accuracy) {
      front.add_level(level);
      level.clear();
    }
  }
  result.front = front.pairs();
  return result;
}

}  // namespace hsconas
