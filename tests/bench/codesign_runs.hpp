#pragma once

// Runs of co-design methods where the optimum is known, and a table of what they reached.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/known_pairs.hpp"
#include "codesign/context.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/statistics.hpp"

namespace hsconas::bench {

constexpr std::size_t kMostAsked = 400;
/// A pair is near the optimum if its accuracy is at most this much lower.
constexpr double kNearAccuracy = 0.001;
/// The energy x delay of a pair is near the optimum's up to this ratio, that of a design for a
/// given network up to the next one.
constexpr double kNearPairProduct = 1.02;
constexpr double kNearProduct = 1.01;

struct Options {
  int seeds = 0;
  std::uint64_t first_seed = 1;
  bool ends_early = true;               ///< Whether a run ends once it holds the optimum.
  std::vector<std::string> settings{};  ///< Labels of those to run; none: all.

  std::uint64_t seed(int i) const { return first_seed + static_cast<std::uint64_t>(i); }
  bool wants(const std::string& label) const {
    return settings.empty() || std::find(settings.begin(), settings.end(), label) != settings.end();
  }
};

/// A method with its settings.
struct Setting {
  std::string label;
  CodesignConfig config;
  SearchConfig search;

  /// Whether the method tries its best network on all designs when it ends.
  bool finishes_design() const {
    return config.method == "two_level" || config.method == "multi_phase";
  }
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
  double until = kMostAsked + 1.0;  ///< Accuracies asked until it was near; the default: never.
  double until_both = kMostAsked + 1.0;  ///< Until the answer's energy x delay was near, too.
  double gap = 100.0;                    ///< Of accuracy, in percent; 100 if no pair was found.
  double product = std::numeric_limits<double>::infinity();  ///< Energy x delay / the optimum's.

  bool operator==(const Reached&) const = default;
};

/// Follows what a method would answer if it ended now: the best pair that it tried or, of a method
/// that tries its best network on all designs in the end, that network on its best design.
class Answer {
 public:
  Answer(const KnownPairs& ground, const LimitCase& one, bool finishes_design)
      : ground_(ground), case_(one), finishes_design_(finishes_design) {}

  /// Takes what `result` has beyond what the last call saw.
  void follow(const CodesignResult& result) {
    for (; next_ < result.scored.size() && !is_optimal(); ++next_) {
      const Pair& pair = result.scored[next_];
      if (!case_.limits.meets(pair.cost)) continue;
      if (asked_.insert(pair.network).second && asked_.size() > kMostAsked) break;
      if (!best_ || is_better(pair, *best_)) hold(pair, result);
    }
  }
  /// Whether nothing can be better.
  bool is_optimal() const {
    return best_ && best_->accuracy == case_.optimum.accuracy && reached_.product == 1.0;
  }
  const Reached& reached() const { return reached_; }

 private:
  void hold(const Pair& pair, const CodesignResult& result) {
    const bool is_new = !best_ || best_->network != pair.network;
    best_ = pair;
    if (!finishes_design_) {
      reached_.product = pair.cost.product() / case_.optimum.cost.product();
    } else if (is_new) {
      reached_.product = ground_.least_product(result.networks[pair.network], case_.limits) /
                         case_.optimum.cost.product();
    }
    reached_.gap = 100.0 * (case_.optimum.accuracy - pair.accuracy);
    if (pair.accuracy < case_.optimum.accuracy - kNearAccuracy) return;
    const auto asked = static_cast<double>(asked_.size());
    if (reached_.until > kMostAsked) reached_.until = asked;
    const bool is_near = reached_.product <= kNearPairProduct;
    if (is_near && reached_.until_both > kMostAsked) reached_.until_both = asked;
  }

  const KnownPairs& ground_;
  const LimitCase& case_;
  bool finishes_design_;
  std::size_t next_ = 0;
  std::set<std::size_t> asked_;
  std::optional<Pair> best_;
  Reached reached_;
};

/// Gives known accuracies, and stops the run after kMostAsked of them or at the optimum.
class WatchingEvaluator : public Evaluator {
 public:
  WatchingEvaluator(const KnownPairs& ground, StopToken& stop) : ground_(ground), stop_(stop) {}

  std::vector<double> accuracy(std::span<const Architecture> archs) override {
    std::vector<double> result;
    for (const Architecture& arch : archs) result.push_back(ground_.table.accuracy(arch));
    asked_ += archs.size();
    if (asked_ >= kMostAsked || (may_end && may_end())) stop_.request();
    return result;
  }

  std::function<bool()> may_end{};

 private:
  const KnownPairs& ground_;
  StopToken& stop_;
  std::size_t asked_ = 0;
};

inline Reached reach(const KnownPairs& ground, const Setting& one, const LimitCase& limit_case,
                     std::uint64_t seed, bool ends_early) {
  StopToken stop;
  Log log(Verbosity::Quiet, false);
  WatchingEvaluator evaluator(ground, stop);
  AccuracyCache accuracies(ground.space, evaluator);
  const CodesignProblem problem{.accuracies = accuracies,
                                .costs = ground.costs,
                                .designs = ground.designs,
                                .limits = limit_case.limits,
                                .networks = ground.networks};
  PairArchive archive(problem, static_cast<std::size_t>(one.config.pairs_written));
  Answer answer(ground, limit_case, one.finishes_design());
  if (ends_early) {
    evaluator.may_end = [&] {
      answer.follow(archive.result);
      return answer.is_optimal();
    };
  }
  CodesignContext context{.problem = problem,
                          .config = one.config,
                          .search_config = one.search,
                          .seed = seed,
                          .log = log,
                          .stop = stop,
                          .archive = archive,
                          .designs = std::vector<std::size_t>(ground.designs.size())};
  std::iota(context.designs.begin(), context.designs.end(), std::size_t{0});
  try {
    find_codesign_method(one.config.method).run(context);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Interrupted) throw;
  }
  answer.follow(archive.result);
  return answer.reached();
}

/// All runs of a setting.
using Runs = std::vector<Reached>;

inline Runs reach_all(const KnownPairs& ground, const Setting& one,
                      const std::vector<LimitCase>& limits, const Options& options) {
  Runs runs;
  for (const LimitCase& limit_case : limits) {
    for (int i = 0; i < options.seeds; ++i) {
      runs.push_back(reach(ground, one, limit_case, options.seed(i), options.ends_early));
    }
  }
  return runs;
}

inline std::vector<double> each(const Runs& runs, double Reached::*what) {
  std::vector<double> all;
  for (const Reached& one : runs) all.push_back(one.*what);
  return all;
}

inline std::string bounded(double until) {
  return until > kMostAsked ? fmt::format("> {}", kMostAsked) : fmt::format("{:.0f}", until);
}

/// "74 (123), 0 %": median, 90th percentile, share of those that never did.
inline std::string effort_text(const std::vector<double>& until) {
  const auto never =
      std::count_if(until.begin(), until.end(), [](double value) { return value > kMostAsked; });
  return fmt::format("{} ({}), {:.1f} %", bounded(median(until)), bounded(quantile(until, 0.9)),
                     100.0 * static_cast<double>(never) / static_cast<double>(until.size()));
}

inline std::string p_text(double p) {
  return p < 0.001 ? "< .001" : fmt::format("{:.3f}", p);
}

/// The mean energy x delay, relative to the optimum's, of the runs that found a pair.
inline double mean_product(const Runs& runs) {
  std::vector<double> found;
  for (const Reached& one : runs) {
    if (one.product < std::numeric_limits<double>::infinity()) found.push_back(one.product);
  }
  return mean(found);
}

inline void print_row(const std::vector<std::string>& cells) {
  constexpr std::size_t kNameWidth = 21;
  std::string line = fmt::format("{:<{}}", cells[0], kNameWidth);
  for (std::size_t i = 1; i < cells.size(); ++i) {
    line += fmt::format("  {:>{}}", cells[i], i < 3 ? 22 : 9);
  }
  fmt::print("{}\n", line);
  std::fflush(stdout);  // Parts take long: a run that is stopped has told what it has.
}

/// Runs of one setting. `first` are those that the others are tested against; null for themselves.
inline void print_runs(const std::string& label, const Runs& runs, const Runs* first,
                       double seconds) {
  const auto gap = each(runs, &Reached::gap);
  const auto p = [&](double Reached::*what) {
    return first == nullptr ? "" : p_text(mann_whitney_p(each(runs, what), each(*first, what)));
  };
  const auto count = static_cast<double>(runs.size());
  print_row({label, effort_text(each(runs, &Reached::until)),
             effort_text(each(runs, &Reached::until_both)), fmt::format("{:.4f}", mean(gap)),
             fmt::format("{:.3f}", *std::max_element(gap.begin(), gap.end())),
             fmt::format("{:.3f}", mean_product(runs)), p(&Reached::until), p(&Reached::until_both),
             p(&Reached::gap), fmt::format("{:.0f}", count),
             fmt::format("{:.3f}", seconds / count)});
}

/// Throws unless every name that `options` asks for is one of the settings.
inline void check_names(const std::vector<Setting>& settings, const Options& options) {
  for (const std::string& name : options.settings) {
    const bool is_known = std::any_of(settings.begin(), settings.end(),
                                      [&](const Setting& one) { return one.label == name; });
    if (is_known) continue;
    std::string names;
    for (const Setting& one : settings) names += "\n  " + one.label;
    throw Error(ErrorKind::Usage, fmt::format("there is no method {}; there are{}", name, names));
  }
}

/// The runs of a setting, with its label.
struct LabelledRuns {
  std::string label;
  Runs runs;
};

/// Prints one line per setting as soon as it has run, and returns its runs. The first setting
/// always runs, because the others are tested against it.
inline std::vector<LabelledRuns> print_reached(const std::string& title, const KnownPairs& ground,
                                               const std::vector<LimitCase>& limits,
                                               const std::vector<Setting>& settings,
                                               const Options& options) {
  check_names(settings, options);
  fmt::print(
      "\n{}: {} designs, {} limits, {} seeds from {}; at most {} accuracies\n"
      "until: accuracies until that of the answer is within {:.1f} % of the optimum's; both: and "
      "its energy x delay within {:.0f} %. Median (90th percentile), share that never did.\n"
      "p: probability that runs as good as these come up if the method is like the first\n",
      title, ground.designs.size(), limits.size(), options.seeds, options.first_seed, kMostAsked,
      100.0 * kNearAccuracy, 100.0 * (kNearPairProduct - 1.0));
  print_row({"method", "until", "both", "gap %", "worst %", "EDP", "p until", "p both", "p gap",
             "runs", "s / run"});
  std::vector<LabelledRuns> all;
  for (const Setting& one : settings) {
    if (!all.empty() && !options.wants(one.label)) continue;
    const std::clock_t begin = std::clock();
    Runs runs = reach_all(ground, one, limits, options);
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    print_runs(one.label, runs, all.empty() ? nullptr : &all.front().runs, seconds);
    all.push_back({one.label, std::move(runs)});
  }
  return all;
}

}  // namespace hsconas::bench
