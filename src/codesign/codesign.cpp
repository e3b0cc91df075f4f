#include "hsconas/codesign/codesign.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/space/subspace.hpp"
#include "recorder.hpp"

namespace hsconas {

namespace {

constexpr double kUm2PerMm2 = 1e6;

/// Designs inside the area limit. Throws when there is none.
std::vector<std::size_t> designs_inside(const CodesignProblem& problem) {
  const auto& designs = problem.designs.designs();
  std::vector<std::size_t> inside;
  std::size_t smallest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const double area = area_of(designs[i]).total() / kUm2PerMm2;
    if (area <= problem.limits.area_mm2) inside.push_back(i);
    if (area < least) {
      least = area;
      smallest = i;
    }
  }
  if (inside.empty()) {
    throw Error(ErrorKind::Infeasible,
                fmt::format("no design meets codesign.max_area_mm2 {:.6g}: the smallest, {}, takes "
                            "{:.6g} mm^2",
                            problem.limits.area_mm2, designs[smallest].name, least));
  }
  return inside;
}

/// Limits per metric where networks are found by evolution and the config asks for all.
constexpr int kEvolvedLevels = 5;

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

class Search {
 public:
  Search(const CodesignProblem& problem, const CodesignConfig& config, const SearchConfig& search,
         std::uint64_t seed, Log& log, const StopToken& stop)
      : problem_(problem),
        config_(config),
        search_(search),
        seed_(seed),
        log_(log),
        recorder_(problem, static_cast<std::size_t>(config.pairs_written), stop),
        designs_(designs_inside(problem)) {}

  CodesignResult run();

 private:
  /// A sum of the two seeds would make (1, 1) the same as (2, 0).
  Rng rng(std::uint64_t index = 0) const {
    return {seed_, search_.seed == 0 ? "codesign" : fmt::format("codesign {}", search_.seed),
            index};
  }
  bool has_networks() const { return !problem_.networks.empty(); }

  Outcome coupled();
  Outcome decoupled();
  Outcome semi_decoupled();
  /// The best network on the proxy for each pair of limits; one pair for each different network.
  std::vector<Pair> solve_on_proxy();
  std::vector<Pair> solve_given(std::span<const Pair> on_proxy) const;
  /// Judges all given networks; their indices.
  std::vector<std::size_t> judge_all();
  [[noreturn]] void refuse(const Outcome& outcome) const;

  const CodesignProblem& problem_;
  const CodesignConfig& config_;
  const SearchConfig& search_;
  std::uint64_t seed_;
  Log& log_;
  Recorder recorder_;
  std::vector<std::size_t> designs_;
  std::size_t proxy_ = 0;
};

std::vector<std::size_t> Search::judge_all() {
  std::vector<std::size_t> indices;
  for (const Architecture& arch : problem_.networks) indices.push_back(recorder_.index_of(arch));
  recorder_.judge(indices);
  return indices;
}

Outcome Search::coupled() {
  const double pairs =
      static_cast<double>(problem_.networks.size()) * static_cast<double>(designs_.size());
  if (has_networks() && pairs <= static_cast<double>(config_.exhaustive_pairs)) {
    log_.info(fmt::format("coupled: all {} networks on all {} designs", problem_.networks.size(),
                          designs_.size()));
    return sweep(recorder_, judge_all(), designs_, problem_.limits);
  }
  log_.info(fmt::format("coupled: evolution over networks and {} designs", designs_.size()));
  Rng rng = this->rng();
  return evolve(recorder_, designs_, problem_.limits, search_, rng, false);
}

Outcome Search::decoupled() {
  const std::size_t proxy[] = {proxy_};
  Rng rng = this->rng();
  const Outcome first = has_networks()
                            ? sweep(recorder_, judge_all(), proxy, problem_.limits)
                            : evolve(recorder_, proxy, problem_.limits, search_, rng, false);
  // Where no network meets the limits on the proxy, another design may still help the nearest one.
  const std::size_t network = (first.best ? *first.best : *first.nearest).network;
  recorder_.judge({&network, 1});
  return sweep(recorder_, {network}, designs_, problem_.limits);
}

std::vector<Pair> Search::solve_given(std::span<const Pair> on_proxy) const {
  std::vector<double> ms;
  std::vector<double> energy;
  for (const Pair& pair : on_proxy) {
    ms.push_back(pair.cost.ms);
    energy.push_back(pair.cost.energy);
  }
  std::vector<Pair> solutions;
  for (const Limits& limits : limit_grid(ms, energy, config_.limit_levels)) {
    const Pair* best = nullptr;
    for (const Pair& pair : on_proxy) {
      if (!limits.meets(pair.cost)) continue;
      if (best == nullptr || is_better(pair, *best)) best = &pair;
    }
    if (best != nullptr) solutions.push_back(*best);
  }
  return solutions;
}

std::vector<Pair> Search::solve_on_proxy() {
  const std::size_t proxy[] = {proxy_};
  if (has_networks()) {
    const Outcome all = sweep(recorder_, judge_all(), proxy, {}, true);
    if (config_.limit_levels == 0) return all.front;
    std::vector<Pair> fitting;
    for (const Pair& pair : all.pairs) {
      if (std::isfinite(pair.cost.ms)) fitting.push_back(pair);
    }
    return fitting.empty() ? fitting : solve_given(fitting);
  }
  Rng random = rng();
  std::vector<double> ms;
  std::vector<double> energy;
  for (int i = 0; i < config_.rank_networks; ++i) {
    const PairCost cost =
        problem_.costs.cost(sample(Subspace::full(problem_.scorer.space()), random), proxy_);
    ms.push_back(cost.ms);
    energy.push_back(cost.energy);
  }
  const int levels = config_.limit_levels > 0 ? config_.limit_levels : kEvolvedLevels;
  std::vector<Pair> solutions;
  std::uint64_t stream = 1;
  for (const Limits& limits : limit_grid(ms, energy, levels)) {
    Rng own = rng(stream++);
    const Outcome outcome = evolve(recorder_, proxy, limits, search_, own, false);
    if (outcome.best) solutions.push_back(*outcome.best);
    log_.info(fmt::format("semi-decoupled: stage 1, {}: {}", limits.str(),
                          outcome.best ? fmt::format("accuracy {:.4f}", outcome.best->accuracy)
                                       : std::string("no network")));
  }
  return solutions;
}

Outcome Search::semi_decoupled() {
  std::vector<Pair> solutions = solve_on_proxy();
  std::stable_sort(solutions.begin(), solutions.end(), is_better);
  std::set<std::size_t> taken;
  std::vector<Pair> set;
  for (const Pair& pair : solutions) {
    if (taken.insert(pair.network).second) set.push_back(pair);
  }
  const auto most = static_cast<std::size_t>(config_.set_size);
  if (most > 0 && set.size() > most) {
    std::vector<Pair> thinned;  // Evenly over the accuracies' order, both ends included.
    for (std::size_t i = 0; i < most; ++i) {
      thinned.push_back(set[most == 1 ? 0 : i * (set.size() - 1) / (most - 1)]);
    }
    set = std::move(thinned);
  }
  if (set.empty()) {
    throw Error(ErrorKind::Infeasible,
                fmt::format("no network fits the proxy {}: choose another codesign.proxy",
                            problem_.designs.designs()[proxy_].name));
  }
  std::vector<std::size_t> networks;
  networks.reserve(set.size());
  for (const Pair& pair : set) networks.push_back(pair.network);
  log_.info(fmt::format("semi-decoupled: {} networks from the proxy {}, on {} designs",
                        networks.size(), problem_.designs.designs()[proxy_].name, designs_.size()));
  recorder_.result.proxy_set = std::move(set);
  return sweep(recorder_, std::move(networks), designs_, problem_.limits);
}

void Search::refuse(const Outcome& outcome) const {
  std::string nearest = "no network fits any design's buffer";
  if (outcome.nearest && std::isfinite(outcome.violation)) {
    const Pair& pair = *outcome.nearest;
    const Accelerator& design = problem_.designs.designs()[pair.design];
    nearest = fmt::format("the nearest is network {} on {}, {:.6g} ms, energy {:.6g}",
                          problem_.scorer.space().encode(recorder_.network(pair.network)),
                          design.name, pair.cost.ms, pair.cost.energy);
    if (std::isfinite(problem_.limits.power_mw)) {
      nearest += fmt::format(", {:.6g} mW", power_mw(pair.cost));
    }
    nearest += fmt::format(": feasible with limits {:.4g} times as high", 1.0 + outcome.violation);
  }
  throw Error(ErrorKind::Infeasible,
              fmt::format("{}: no pair that was tried meets the limits ({}); {}", config_.method,
                          problem_.limits.str(), nearest));
}

CodesignResult Search::run() {
  const bool has_proxy = config_.method == "decoupled" || config_.method == "semi_decoupled";
  if (has_proxy) {
    proxy_ = proxy_of(problem_.designs, config_);
    recorder_.result.proxy = proxy_;
  }
  Outcome outcome;
  if (config_.method == "coupled") {
    outcome = coupled();
  } else if (config_.method == "decoupled") {
    outcome = decoupled();
  } else if (config_.method == "semi_decoupled") {
    outcome = semi_decoupled();
  } else if (config_.method == "random") {
    Rng random = rng();
    outcome = evolve(recorder_, designs_, problem_.limits, search_, random, true);
  } else {
    throw Error(ErrorKind::Internal, "unknown codesign.method " + config_.method);
  }
  if (!outcome.best) refuse(outcome);
  recorder_.result.best = *outcome.best;
  recorder_.result.front = std::move(outcome.front);
  return std::move(recorder_.result);
}

using Columns = std::vector<std::vector<double>>;  ///< [design][network].

/// Latency and energy of every network on every one of `designs`.
std::pair<Columns, Columns> columns_of(const PairCostModel& costs,
                                       std::span<const Architecture> networks,
                                       std::span<const std::size_t> designs) {
  Columns ms(designs.size());
  Columns energy(designs.size());
  std::vector<PairCost> row(costs.designs());
  for (const Architecture& arch : networks) {
    costs.costs(arch, row);
    for (std::size_t i = 0; i < designs.size(); ++i) {
      ms[i].push_back(row[designs[i]].ms);
      energy[i].push_back(row[designs[i]].energy);
    }
  }
  return {std::move(ms), std::move(energy)};
}

}  // namespace

CodesignResult codesign(const CodesignProblem& problem, const CodesignConfig& config,
                        const SearchConfig& search, std::uint64_t seed, Log& log,
                        const StopToken& stop) {
  return Search(problem, config, search, seed, log, stop).run();
}

std::size_t proxy_of(const DesignSpace& designs, const CodesignConfig& config) {
  return config.proxy.empty() ? designs.size() / 2 : designs.find(config.proxy);
}

RankCorrelations rank_correlations(const PairCostModel& costs,
                                   std::span<const Architecture> networks, std::size_t proxy,
                                   std::span<const std::size_t> designs) {
  std::vector<std::size_t> all{proxy};
  all.insert(all.end(), designs.begin(), designs.end());
  const auto [ms, energy] = columns_of(costs, networks, all);
  RankCorrelations result;
  for (std::size_t i = 1; i < all.size(); ++i) {
    result.latency.push_back(spearman(ms[0], ms[i]));
    result.energy.push_back(spearman(energy[0], energy[i]));
  }
  return result;
}

RankCorrelations rank_matrix(const PairCostModel& costs, std::span<const Architecture> networks,
                             std::span<const std::size_t> designs) {
  const auto [ms, energy] = columns_of(costs, networks, designs);
  RankCorrelations result;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    for (std::size_t k = 0; k < designs.size(); ++k) {
      result.latency.push_back(spearman(ms[i], ms[k]));
      result.energy.push_back(spearman(energy[i], energy[k]));
    }
  }
  return result;
}

}  // namespace hsconas
