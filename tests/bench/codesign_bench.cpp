// Measures how much accuracy the semi-decoupled search loses and how many evaluations it saves:
// networks with real accuracies on the paper's grid of accelerators, compared with the exhaustive
// optimum, for proxies of every dataflow and 25 pairs of limits; then cases in which rankings
// differ. Runs on one thread.
//
//   hsconas_codesign_bench NAS_BENCH_MACRO.csv[.gz] [NAS_BENCH_201.csv[.gz]]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

constexpr double kLevels[] = {0.1, 0.3, 0.5, 0.7, 0.9};
constexpr double kAlike = 0.95;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Networks with their accuracies and their costs on each design.
struct Problem {
  std::string title;
  std::vector<std::string> designs;
  std::vector<double> accuracy;              ///< [network], highest first.
  std::vector<std::vector<PairCost>> costs;  ///< [design][network].

  std::vector<double> column(std::size_t design, double PairCost::*metric) const {
    std::vector<double> values;
    for (const PairCost& cost : costs[design]) values.push_back(cost.*metric);
    return values;
  }
};

Problem make_problem(std::string title, const PairCostModel& costs,
                     const std::vector<Accelerator>& designs, std::vector<Architecture> networks,
                     std::vector<double> accuracy) {
  std::vector<std::size_t> order(networks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return accuracy[a] > accuracy[b]; });
  Problem problem{.title = std::move(title)};
  problem.costs.resize(designs.size());
  for (const Accelerator& design : designs) problem.designs.push_back(design.name);
  std::vector<PairCost> row(designs.size());
  for (const std::size_t i : order) {
    problem.accuracy.push_back(accuracy[i]);
    costs.costs(networks[i], row);
    for (std::size_t d = 0; d < row.size(); ++d) problem.costs[d].push_back(row[d]);
  }
  return problem;
}

/// Stage 1 of codesign(): the Pareto front on the proxy, or its solutions for levels^2 limits.
std::vector<std::size_t> proxy_set(const Problem& problem, std::size_t proxy, int levels) {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < problem.accuracy.size(); ++i) {
    pairs.push_back({i, proxy, problem.accuracy[i], problem.costs[proxy][i]});
  }
  std::set<std::size_t> set;
  if (levels == 0) {
    for (const Pair& pair : pareto_front(pairs)) set.insert(pair.network);
  } else {
    const auto ms = problem.column(proxy, &PairCost::ms);
    const auto energy = problem.column(proxy, &PairCost::energy);
    for (int i = 0; i < levels; ++i) {
      for (int k = 0; k < levels; ++k) {
        const Limits limits{.ms = quantile(ms, i / (levels - 1.0)),
                            .energy = quantile(energy, k / (levels - 1.0))};
        const Pair* best = nullptr;
        for (const Pair& pair : pairs) {
          if (!limits.meets(pair.cost)) continue;
          if (best == nullptr || is_better(pair, *best)) best = &pair;
        }
        if (best != nullptr) set.insert(best->network);
      }
    }
  }
  return {set.begin(), set.end()};
}

/// The best accuracy among `networks` (highest first) that meet the limits on a design; -1: none.
double best_of(const Problem& problem, std::size_t design, const Limits& limits,
               const std::vector<std::size_t>& networks) {
  for (const std::size_t i : networks) {
    if (limits.meets(problem.costs[design][i])) return problem.accuracy[i];
  }
  return -1.0;
}

struct Gaps {
  std::vector<double> values;
  int missed = 0;  ///< Limits that some network meets, but none of the set does.

  void add(double optimum, double reached) {
    if (optimum < 0.0) return;
    if (reached < 0.0) {
      ++missed;
    } else {
      values.push_back(optimum - reached);
    }
  }
  std::string str() const {
    if (values.empty() && missed == 0) return "-";
    const double worst = values.empty() ? 0.0 : *std::max_element(values.begin(), values.end());
    return fmt::format("{:.4f} / {:.3f}{}", 100.0 * mean(values), 100.0 * worst,
                       missed > 0 ? fmt::format(" ({} missed)", missed) : "");
  }
};

/// Pairs of limits at quantiles of the given costs.
std::vector<Limits> limits_of(const std::vector<double>& ms, const std::vector<double>& energy) {
  std::vector<Limits> all;
  for (const double i : kLevels) {
    for (const double k : kLevels) {
      all.push_back({.ms = quantile(ms, i), .energy = quantile(energy, k)});
    }
  }
  return all;
}

std::vector<Limits> joint_limits(const Problem& problem) {
  std::vector<double> ms;
  std::vector<double> energy;
  for (const auto& column : problem.costs) {
    for (std::size_t i = 0; i < column.size(); i += 7) {  // A seventh suffices for a quantile.
      ms.push_back(column[i].ms);
      energy.push_back(column[i].energy);
    }
  }
  return limits_of(ms, energy);
}

void compare(const Problem& problem, const std::vector<std::size_t>& proxies) {
  const std::size_t designs = problem.costs.size();
  const std::size_t networks = problem.accuracy.size();
  std::vector<std::size_t> all(networks);
  std::iota(all.begin(), all.end(), std::size_t{0});
  const auto best_anywhere = [&](const Limits& limits, const std::vector<std::size_t>& among) {
    double best = -1.0;
    for (std::size_t d = 0; d < designs; ++d) {
      best = std::max(best, best_of(problem, d, limits, among));
    }
    return best;
  };
  const std::vector<Limits> joint = joint_limits(problem);
  std::vector<double> joint_best;
  for (const Limits& limits : joint) joint_best.push_back(best_anywhere(limits, all));
  std::vector<std::vector<Limits>> own;  // [design]
  std::vector<std::vector<double>> own_best;
  for (std::size_t d = 0; d < designs; ++d) {
    own.push_back(
        limits_of(problem.column(d, &PairCost::ms), problem.column(d, &PairCost::energy)));
    auto& best = own_best.emplace_back();
    for (const Limits& limits : own.back()) best.push_back(best_of(problem, d, limits, all));
  }
  fmt::print("\n{}: {} networks x {} designs = {} pairs\n", problem.title, networks, designs,
             networks * designs);
  fmt::print(
      "gaps to the optimum in % of accuracy, mean / worst, over 25 limits: on the best of "
      "all designs; on each design that ranks like the proxy (Spearman > {} in both); on "
      "the others\n",
      kAlike);
  TextTable table({"proxy", "levels", "P", "evaluations", "fewer", "Spearman ms", "Spearman energy",
                   "all designs", "alike", "others", "one network"});
  for (const std::size_t proxy : proxies) {
    std::vector<double> ms_rank;
    std::vector<double> energy_rank;
    const auto proxy_ms = problem.column(proxy, &PairCost::ms);
    const auto proxy_energy = problem.column(proxy, &PairCost::energy);
    for (std::size_t d = 0; d < designs; ++d) {
      ms_rank.push_back(spearman(proxy_ms, problem.column(d, &PairCost::ms)));
      energy_rank.push_back(spearman(proxy_energy, problem.column(d, &PairCost::energy)));
    }
    for (const int levels : {5, 10, 0}) {
      const std::vector<std::size_t> set = proxy_set(problem, proxy, levels);
      Gaps best;
      Gaps alike;
      Gaps others;
      Gaps decoupled;
      const std::vector<Limits> proxy_limits = own[proxy];
      for (std::size_t i = 0; i < joint.size(); ++i) {
        best.add(joint_best[i], best_anywhere(joint[i], set));
        // Decoupled: the network that is best under these limits on the proxy, then any design.
        for (const std::size_t n : all) {
          if (!joint[i].meets(problem.costs[proxy][n])) continue;
          decoupled.add(joint_best[i], best_anywhere(joint[i], {n}));
          break;
        }
      }
      for (std::size_t d = 0; d < designs; ++d) {
        Gaps& gaps = ms_rank[d] > kAlike && energy_rank[d] > kAlike ? alike : others;
        for (std::size_t i = 0; i < own[d].size(); ++i) {
          gaps.add(own_best[d][i], best_of(problem, d, own[d][i], set));
        }
      }
      const std::size_t evaluations = networks + set.size() * designs;
      table.add(
          {problem.designs[proxy], levels == 0 ? "front" : std::to_string(levels),
           std::to_string(set.size()), std::to_string(evaluations),
           fmt::format("{:.1f}",
                       static_cast<double>(networks * designs) / static_cast<double>(evaluations)),
           fmt::format("{:.3f}..{:.3f}", *std::min_element(ms_rank.begin(), ms_rank.end()),
                       median(ms_rank)),
           fmt::format("{:.3f}..{:.3f}", *std::min_element(energy_rank.begin(), energy_rank.end()),
                       median(energy_rank)),
           best.str(), alike.str(), others.str(), decoupled.str()});
    }
  }
  fmt::print("{}", table.str());
}

/// Some designs of every dataflow in the space.
std::vector<std::size_t> proxies_of(const DesignSpace& designs) {
  std::vector<std::size_t> proxies;
  for (const char* name : {"ws-kc_64_300_50", "ws-kc_256_600_200", "ws-kc_512_1000_350",
                           "ws-x_16_300_50", "ws-x_128_600_200", "ws-x_512_1000_350",
                           "rs-yr_16_300_50", "rs-yr_128_600_200", "rs-yr_512_1000_350"}) {
    proxies.push_back(designs.find(name));
  }
  return proxies;
}

/// Times the exhaustive coupled search as `hsconas codesign` runs it.
void time_exhaustive(const SearchSpace& space, TableEvaluator& evaluator,
                     const DesignSpace& designs) {
  Log log(Verbosity::Quiet, false);
  const StopToken stop;
  for (const char* method : {"coupled", "decoupled", "semi_decoupled"}) {
    const auto begin = std::chrono::steady_clock::now();
    const CostTable costs(space, designs.designs());
    AccuracyCache accuracies(space, evaluator);
    CodesignConfig config;
    config.method = method;
    config.proxy = "ws-x_128_600_200";
    config.pairs_written = 0;
    const CodesignResult result = codesign({.accuracies = accuracies,
                                            .costs = costs,
                                            .designs = designs,
                                            .limits = {},
                                            .networks = evaluator.architectures()},
                                           config, {}, 1, log, stop);
    fmt::print("{:>15}: {:>8} pairs in {:.2f} s, front of {}\n", method, result.counts.pairs,
               seconds_since(begin), result.front.size());
  }
}

void bench_201(const std::string& file) {
  const CsvTable csv = CsvTable::load(file);
  const std::size_t accuracy = csv.column("acc200_cifar10_test");
  const std::size_t first = csv.column("eagle_jetson_16");
  const std::size_t second = csv.column("rice_pixel3");
  std::vector<Pair> rows;
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    if (csv.text(row, first).empty() || csv.text(row, second).empty()) continue;
    if (csv.number(row, first) <= 0.0 || csv.number(row, second) <= 0.0) continue;
    rows.push_back({.network = row, .accuracy = csv.number(row, accuracy) / 100.0});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Pair& a, const Pair& b) { return a.accuracy > b.accuracy; });
  Problem problem{.title = "NAS-Bench-201, measured on two devices (latency serves as energy too)",
                  .designs = {"eagle_jetson_16", "rice_pixel3"}};
  problem.costs.resize(2);
  for (const Pair& pair : rows) {
    problem.accuracy.push_back(pair.accuracy);
    const double a = csv.number(pair.network, first);
    const double b = csv.number(pair.network, second);
    problem.costs[0].push_back({a, a});
    problem.costs[1].push_back({b, b});
  }
  compare(problem, {0, 1});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: hsconas_codesign_bench NAS_BENCH_MACRO.csv [NAS_BENCH_201.csv]\n");
    return 2;
  }
  const SearchSpace space = shipped_space("nas-bench-macro");
  TableEvaluator evaluator(space, argv[1], "mean_acc");
  const DesignSpace designs =
      load_design_space(source_folder() / "configs" / "designs" / "semi-decoupled.json");
  fmt::print("{} designs, {} combinations left out\n", designs.size(), designs.left_out());
  time_exhaustive(space, evaluator, designs);
  const CostTable costs(space, designs.designs());
  compare(make_problem("NAS-Bench-Macro, real accuracies", costs, designs.designs(),
                       evaluator.architectures(), evaluator.accuracy(evaluator.architectures())),
          proxies_of(designs));

  // With varying widths KC-P's cycles rise in steps, so that it ranks networks differently.
  const SearchSpace wide = shipped_space("hsconas-a");
  const CostTable wide_costs(wide, designs.designs());
  Rng rng(1, "codesign-bench");
  std::vector<Architecture> networks;
  std::vector<double> accuracy;
  for (int i = 0; i < 1000; ++i) {
    networks.push_back(wide.canonical(sample(Subspace::full(wide), rng)));
    accuracy.push_back(1.0 - 1e7 / static_cast<double>(wide.cost(networks.back()).macs));
  }
  compare(make_problem("hsconas-a, 1,000 networks; 1 - 1e7 / MACs stands in for accuracy",
                       wide_costs, designs.designs(), networks, accuracy),
          proxies_of(designs));
  if (argc > 2) bench_201(argv[2]);
  return 0;
}
