#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "context.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

/// Limits per metric where no networks are given and the config asks for all.
constexpr int kSearchedLevels = 5;

/// levels x levels limits: quantiles of `ms` and `energy`, from the least to the largest value.
std::vector<Limits> limit_grid(const std::vector<double>& ms, const std::vector<double>& energy,
                               int levels) {
  const auto share = [&](int i) { return levels == 1 ? 1.0 : 1.0 * i / (levels - 1); };
  std::vector<Limits> grid;
  for (int i = 0; i < levels; ++i) {
    for (int k = 0; k < levels; ++k) {
      grid.push_back({.ms = quantile(ms, share(i)), .energy = quantile(energy, share(k))});
    }
  }
  return grid;
}

/// The best of `on_proxy` for each of levels x levels limits.
std::vector<Pair> solve_given(std::span<const Pair> on_proxy, int levels) {
  std::vector<double> ms;
  std::vector<double> energy;
  for (const Pair& pair : on_proxy) {
    ms.push_back(pair.cost.ms);
    energy.push_back(pair.cost.energy);
  }
  std::vector<Pair> solutions;
  for (const Limits& limits : limit_grid(ms, energy, levels)) {
    const Pair* best = nullptr;
    for (const Pair& pair : on_proxy) {
      if (!limits.meets(pair.cost)) continue;
      if (best == nullptr || is_better(pair, *best)) best = &pair;
    }
    if (best != nullptr) solutions.push_back(*best);
  }
  return solutions;
}

/// The best of the given networks on the proxy for each pair of limits.
std::vector<Pair> solve_networks(CodesignContext& context) {
  const std::size_t proxy[] = {context.proxy};
  const BestPairs all = context.sweep_networks(proxy, {}, true);
  const int levels = context.config.limit_levels;
  if (levels == 0) return all.front;
  std::vector<Pair> fitting;
  for (const Pair& pair : all.pairs) {
    if (std::isfinite(pair.cost.ms)) fitting.push_back(pair);
  }
  return fitting.empty() ? fitting : solve_given(fitting, levels);
}

/// The best network of the space on the proxy for each pair of limits, by a search of its own.
std::vector<Pair> solve_space(CodesignContext& context) {
  const SearchSpace& space = context.problem.accuracies.space();
  const std::size_t proxy[] = {context.proxy};
  Rng random = context.rng();
  std::vector<double> ms;
  std::vector<double> energy;
  for (int i = 0; i < context.config.rank_networks; ++i) {
    const PairCost cost =
        context.problem.costs.cost(sample(Subspace::full(space), random), context.proxy);
    ms.push_back(cost.ms);
    energy.push_back(cost.energy);
  }
  const int levels =
      context.config.limit_levels > 0 ? context.config.limit_levels : kSearchedLevels;
  std::vector<Pair> solutions;
  std::uint64_t stream = 1;
  for (const Limits& limits : limit_grid(ms, energy, levels)) {
    Rng own = context.rng(stream++);
    const BestPairs found = context.search(proxy, limits, own, "semi-decoupled, stage 1");
    if (found.best) solutions.push_back(*found.best);
    context.log.info(fmt::format("semi-decoupled: stage 1, {}: {}", limits.str(),
                                 found.best ? fmt::format("accuracy {:.4f}", found.best->accuracy)
                                            : std::string("no network")));
  }
  return solutions;
}

/// `most` of `pairs`, evenly over their order, both ends included; 0: all.
std::vector<Pair> thinned(std::vector<Pair> pairs, std::size_t most) {
  if (most == 0 || pairs.size() <= most) return pairs;
  std::vector<Pair> kept;
  for (std::size_t i = 0; i < most; ++i) {
    kept.push_back(pairs[most == 1 ? 0 : i * (pairs.size() - 1) / (most - 1)]);
  }
  return kept;
}

/// Stage 1 solves on the proxy for a grid of limits, whose solutions are the set P; stage 2 tries
/// the networks of P, and no others, on every design. Source: Lu et al., arXiv 2203.13921.
BestPairs search_semi_decoupled(CodesignContext& context) {
  std::vector<Pair> solutions =
      context.has_networks() ? solve_networks(context) : solve_space(context);
  std::stable_sort(solutions.begin(), solutions.end(), is_better);
  std::set<std::size_t> taken;
  std::vector<Pair> set;
  for (const Pair& pair : solutions) {
    if (taken.insert(pair.network).second) set.push_back(pair);
  }
  set = thinned(std::move(set), static_cast<std::size_t>(context.config.set_size));
  if (set.empty()) {
    throw Error(ErrorKind::Infeasible,
                fmt::format("no network fits the proxy {}: choose another codesign.proxy",
                            context.problem.designs.designs()[context.proxy].name));
  }
  std::vector<std::size_t> networks;
  networks.reserve(set.size());
  for (const Pair& pair : set) networks.push_back(pair.network);
  context.log.info(
      fmt::format("semi-decoupled: {} networks from the proxy {}, on {} designs", networks.size(),
                  context.problem.designs.designs()[context.proxy].name, context.designs.size()));
  context.archive.result.proxy_set = std::move(set);
  return sweep(context.archive, std::move(networks), context.designs, context.problem.limits,
               context.stop);
}

std::string plan_semi_decoupled(const CodesignConfig& config, const SearchConfig& search,
                                const CodesignSize& size) {
  const bool has_networks = size.networks > 0;
  const int asked = config.limit_levels > 0 || has_networks ? config.limit_levels : kSearchedLevels;
  const auto levels = static_cast<std::size_t>(asked);
  return fmt::format("pairs: at most {} + |P| x {}{}\n",
                     has_networks ? size.networks : searched_pairs(search) * levels * levels,
                     size.designs, levels > 0 ? fmt::format(", |P| <= {}", levels * levels) : "");
}

}  // namespace

CodesignMethod semi_decoupled_codesign() {
  return {.name = "semi_decoupled",
          .meaning = "the best networks on the proxy for many limits, then all designs",
          .has_proxy = true,
          .run = search_semi_decoupled,
          .plan = plan_semi_decoupled};
}

}  // namespace hsconas
