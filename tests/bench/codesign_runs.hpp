#pragma once

// Runs of co-design methods where the optimum is known, and a table of what they reached.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/known_pairs.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas::bench {

constexpr std::size_t kMostAsked = 400;
/// What counts as near the optimum: 0.1 % of accuracy, 2 % or 1 % of energy x delay.
constexpr double kNearAccuracy = 0.001;
constexpr double kNearProduct = 1.01;

struct Options {
  int seeds = 0;
  std::uint64_t first_seed = 1;
};

/// A method with its settings.
struct Setting {
  std::string label;
  CodesignConfig config;
  SearchConfig search;
};

inline SearchConfig search_of(int evaluations, const char* method = "evolution") {
  SearchConfig search;
  search.method = method;
  search.population = 20;
  search.generations = evaluations / search.population - 1;
  return search;
}

inline Setting setting(std::string label, const char* method, int evaluations = kMostAsked,
                       const char* search_method = "evolution") {
  Setting one{
      .label = std::move(label), .config = {}, .search = search_of(evaluations, search_method)};
  one.config.method = method;
  one.config.exhaustive_pairs = 0;
  return one;
}

/// Searches over pairs may try more pairs than they ask for accuracies, so they get more of them;
/// a run ends after kMostAsked accuracies.
inline Setting joint(std::string label, const char* method,
                     const char* search_method = "evolution") {
  return setting(std::move(label), method, 10 * static_cast<int>(kMostAsked), search_method);
}

/// Gives known accuracies, and stops the search at the optimum or after kMostAsked.
class CountingEvaluator : public Evaluator {
 public:
  CountingEvaluator(const KnownPairs& ground, double optimum, StopToken& stop)
      : ground_(ground), optimum_(optimum), stop_(stop) {}

  std::vector<double> accuracy(std::span<const Architecture> archs) override {
    std::vector<double> result;
    for (const Architecture& arch : archs) {
      result.push_back(ground_.table.accuracy(arch));
      if (asked == kMostAsked) continue;
      ++asked;
      best = std::max(best, result.back());
      if (until == 0 && best >= optimum_ - kNearAccuracy) until = asked;
    }
    if (asked == kMostAsked || best >= optimum_) stop_.request();
    return result;
  }

  std::size_t asked = 0;
  std::size_t until = 0;  ///< Accuracies until the optimum was near; 0: never.
  double best = -1.0;

 private:
  const KnownPairs& ground_;
  double optimum_;
  StopToken& stop_;
};

inline CodesignResult run(const KnownPairs& ground, const Setting& one, const PairCostModel& costs,
                          const Limits& limits, std::span<const Architecture> networks,
                          Evaluator& evaluator, const StopToken& stop, std::uint64_t seed) {
  Log log(Verbosity::Quiet, false);
  AccuracyCache accuracies(ground.space, evaluator);
  return codesign({.accuracies = accuracies,
                   .costs = costs,
                   .designs = ground.designs,
                   .limits = limits,
                   .networks = networks},
                  one.config, one.search, seed, log, stop);
}

/// What one run reached.
struct Reached {
  double until = 0.0;  ///< kMostAsked + 1: never.
  double gap = 0.0;    ///< Of accuracy, in percent; 100 if no pair was found.
};

inline Reached reach(const KnownPairs& ground, const Setting& one, const Limits& limits,
                     double optimum, std::uint64_t seed) {
  StopToken stop;
  CountingEvaluator evaluator(ground, optimum, stop);
  try {
    run(ground, one, ground.costs, limits, ground.networks, evaluator, stop, seed);
  } catch (const Error& error) {
    const bool is_expected =
        error.kind() == ErrorKind::Interrupted || error.kind() == ErrorKind::Infeasible;
    if (!is_expected) throw;
  }
  const std::size_t until = evaluator.until == 0 ? kMostAsked + 1 : evaluator.until;
  return {static_cast<double>(until),
          evaluator.best < 0.0 ? 100.0 : 100.0 * (optimum - evaluator.best)};
}

/// All runs of a method: [limits][seed].
using Runs = std::vector<std::vector<Reached>>;

inline std::vector<double> untils(const Runs& runs) {
  std::vector<double> all;
  for (const auto& row : runs) {
    for (const Reached& one : row) all.push_back(one.until);
  }
  return all;
}

inline std::vector<double> gaps(const Runs& runs) {
  std::vector<double> all;
  for (const auto& row : runs) {
    for (const Reached& one : row) all.push_back(one.gap);
  }
  return all;
}

inline double worst_mean(const Runs& runs) {
  double worst = 0.0;
  for (const auto& row : runs) worst = std::max(worst, mean(gaps({row})));
  return worst;
}

inline std::string bounded(double until) {
  return until > kMostAsked ? fmt::format("> {}", kMostAsked) : fmt::format("{:.0f}", until);
}

inline std::string p_text(double p) {
  return p < 0.001 ? "< .001" : fmt::format("{:.3f}", p);
}

/// Prints one line per setting. The first is the one that others are tested against, by the
/// accuracies until the optimum is near and, in phases, by the gap.
inline void print_reached(const std::string& title, const KnownPairs& ground,
                          const std::vector<Limits>& limits, const std::vector<Setting>& settings,
                          const Options& options) {
  fmt::print("\n{}: {} designs, {} limits, {} seeds from {}; at most {} accuracies\n", title,
             ground.designs.size(), limits.size(), options.seeds, options.first_seed, kMostAsked);
  TextTable table({"method", "until near: median", "p90", "never %", "gap: mean %",
                   "worst limits %", "worst run %", "p until", "p gap", "runs", "seconds / run"});
  std::optional<Runs> first;
  for (const Setting& one : settings) {
    Runs runs;
    const std::clock_t begin = std::clock();
    for (const Limits& limit : limits) {
      const double optimum = ground.optimum(limit, ground.costs)->accuracy;
      auto& row = runs.emplace_back();
      for (int i = 0; i < options.seeds; ++i) {
        row.push_back(
            reach(ground, one, limit, optimum, options.first_seed + static_cast<std::uint64_t>(i)));
      }
    }
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    const auto until = untils(runs);
    const auto gap = gaps(runs);
    const auto never =
        std::count_if(until.begin(), until.end(), [](double value) { return value > kMostAsked; });
    const double count = static_cast<double>(until.size());
    table.add({one.label, bounded(median(until)), bounded(quantile(until, 0.9)),
               fmt::format("{:.1f}", 100.0 * static_cast<double>(never) / count),
               fmt::format("{:.4f}", mean(gap)), fmt::format("{:.3f}", worst_mean(runs)),
               fmt::format("{:.3f}", *std::max_element(gap.begin(), gap.end())),
               first ? p_text(mann_whitney_p(until, untils(*first))) : "",
               first ? p_text(mann_whitney_p(gap, gaps(*first))) : "", fmt::format("{:.0f}", count),
               fmt::format("{:.2f}", seconds / count)});
    if (!first) first = std::move(runs);
    // Parts take long: a run that is stopped has told what it has.
    fmt::print(stderr, "{}", table.str());
  }
  fmt::print("p: probability that runs as good as these come up if the method is like the first\n");
  fmt::print("{}", table.str());
  std::fflush(stdout);
}

}  // namespace hsconas::bench
