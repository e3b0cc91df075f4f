// Compares the co-design methods on networks with real accuracies, where the exhaustive optimum is
// known. Runs on one thread, in minutes to an hour per part; prints each row as it is finished.
//
//   hsconas_codesign_methods_bench NAS_BENCH_MACRO.csv[.gz] PART [SEEDS [FIRST_SEED [NAME ...]]]
//
// PART is one of
//   methods        accuracies asked until the optimum is near, and the gap to it, under 25 limits;
//                  NAME: a method of the table, beside random. To use several processors, give
//                  each process some of the names.
//   methods_dance  the same on DANCE's grid
//   early          whether runs that end at the optimum give the figures of runs to the end
//   share          accuracies asked inside the limits, and saved, with and without the fast level
//   phases         multi_phase, two_level and plain REINFORCE under 9 limits
//   product        designs until the least energy x delay of a network, on both grids
//   invalid        pairs tried outside the limits, with and without a model of them
//   settings       other settings on limits of their own, each a NAME:
//                  settings 10 1001 "two_level accuracy_weight=0.9" "multi_phase phase_tries=5"
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/codesign_runs.hpp"
#include "bench/known_pairs.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using namespace hsconas::bench;

namespace {

Setting with(Setting one, const std::function<void(CodesignConfig&, SearchConfig&)>& change) {
  change(one.config, one.search);
  return one;
}

Setting two_level(const std::string& label, int fast_tries) {
  return with(setting(label, "two_level"),
              [&](auto& config, auto&) { config.fast_tries = fast_tries; });
}

/// The first are random pairs, against which the others are tested. The last two are the slowest.
std::vector<Setting> all_methods() {
  return {joint("random", "random"),
          joint("evolution", "coupled"),
          joint("reinforce", "coupled", "reinforce"),
          two_level("two_level, 10 tries", 10),
          two_level("two_level", 50),
          setting("multi_phase", "multi_phase"),
          setting("bayesian", "bayesian"),
          with(two_level("two_level, recurrent, 10 tries", 10),
               [](auto&, auto& search) { search.controller = Controller::Recurrent; }),
          joint("coupled by bayesian", "coupled", "bayesian")};
}

void methods(const KnownPairs& ground, Options options) {
  if (options.seeds == 0) options.seeds = 50;
  print_reached("methods", ground, limit_grid(ground, {0.1, 0.3, 0.5, 0.7, 0.9}), all_methods(),
                options);
  fmt::print("semi_decoupled and decoupled ask for all {} accuracies first\n",
             ground.networks.size());
}

/// A run that holds the optimum cannot get better, so its figures do not depend on whether it ends.
void early(const KnownPairs& ground, Options options) {
  if (options.seeds == 0) options.seeds = 2;
  const auto limits = limit_grid(ground, {0.1, 0.5, 0.9});
  check_names(all_methods(), options);
  for (const Setting& one : all_methods()) {
    if (!options.wants(one.label)) continue;
    options.ends_early = true;
    const Runs ended = reach_all(ground, one, limits, options);
    options.ends_early = false;
    const bool is_same = ended == reach_all(ground, one, limits, options);
    fmt::print("{}: {} runs, {}\n", one.label, ended.size(),
               is_same ? "the same figures" : "OTHER FIGURES");
    std::fflush(stdout);
  }
}

/// A setting written as "two_level accuracy_weight=0.9 controller_lr=0.1".
Setting parsed(const std::string& text) {
  const auto words = split(text, ' ');
  Setting one = setting(text, words[0].c_str());
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto at = words[i].find('=');
    const std::string key = words[i].substr(0, at);
    const double value = std::stod(words[i].substr(at + 1));
    if (key == "accuracy_weight") {
      one.config.accuracy_weight = value;
    } else if (key == "fast_tries") {
      one.config.fast_tries = static_cast<int>(value);
    } else if (key == "phase_tries") {
      one.config.phase_tries = static_cast<int>(value);
    } else if (key == "phase_entropy") {
      one.config.phase_entropy = value;
    } else if (key == "controller_lr") {
      one.search.controller_lr = value;
    } else if (key == "controller_entropy") {
      one.search.controller_entropy = value;
    } else {
      throw Error(ErrorKind::Usage, "settings: there is no key " + key);
    }
  }
  return one;
}

/// Settings to choose between, on limits that no other part uses; the seeds should be so, too.
void settings(const KnownPairs& ground, const Options& options) {
  std::vector<Setting> all;
  for (const std::string& text : options.settings) all.push_back(parsed(text));
  print_reached("settings", ground, limit_grid(ground, {0.2, 0.6, 0.8}), all, options);
}

void phases(const KnownPairs& ground, Options options) {
  if (options.seeds == 0) options.seeds = 50;
  const auto all = print_reached(
      "phases", ground, limit_grid(ground, {0.1, 0.5, 0.9}),
      {joint("reinforce", "coupled", "reinforce"), two_level("two_level, 10 tries", 10),
       two_level("two_level", 50), setting("multi_phase", "multi_phase")},
      options);
  for (const LabelledRuns& one : all) {
    for (const LabelledRuns& other : all) {
      if (&one == &other) continue;
      const double p =
          mann_whitney_p(each(one.runs, &Reached::until), each(other.runs, &Reached::until));
      fmt::print("{} better than {}: p {}\n", one.label, other.label, p_text(p));
    }
  }
}

/// How a run asks for accuracies.
struct Asked {
  std::size_t asked = 0;
  std::size_t inside = 0;
  double until = 0.0;
};

/// Runs to the end; pairs outside the limits may be asked for.
Asked ask(const KnownPairs& ground, const Setting& one, const Limits& limits, double optimum,
          std::uint64_t seed) {
  StopToken stop;
  TableEvaluator evaluator = ground.table;
  Asked result{.until = kMostAsked + 1.0};
  CodesignResult found;
  try {
    found = run(ground, one, ground.costs, limits, ground.networks, evaluator, stop, seed);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Infeasible) throw;
    return result;
  }
  std::set<std::size_t> seen;
  for (const Pair& pair : found.scored) {
    if (!seen.insert(pair.network).second) continue;
    ++result.asked;
    const bool is_inside = limits.meets(pair.cost);
    result.inside += is_inside ? 1 : 0;
    const bool is_near = is_inside && pair.accuracy >= optimum - kNearAccuracy;
    if (is_near && result.until > kMostAsked) result.until = static_cast<double>(result.asked);
  }
  return result;
}

std::vector<Asked> ask_all(const KnownPairs& ground, int tries, const Limits& limits,
                           double optimum, const Options& options) {
  std::vector<Asked> runs;
  for (int i = 0; i < options.seeds; ++i) {
    runs.push_back(ask(ground, two_level("", tries), limits, optimum, options.seed(i)));
  }
  return runs;
}

/// The share of accuracies that are saved: 1 - those of `runs` / those of `slow`, both until the
/// optimum is near. Of runs that never are, `slow` counts the most, so the share is a lower bound.
double saved(const std::vector<double>& runs, const std::vector<double>& slow) {
  return 100.0 * (1.0 - mean(runs) / mean(slow));
}

void share(const KnownPairs& ground, Options options) {
  if (options.seeds == 0) options.seeds = 50;
  for (const double met : {0.01, 0.1, 0.5}) {
    const Limits limits = limits_for(ground, met);
    const double optimum = ground.optimum(limits, ground.costs)->accuracy;
    fmt::print("\nlimits that {:.0f} % of random pairs meet ({}), {} seeds from {}\n", 100.0 * met,
               limits.str(), options.seeds, options.first_seed);
    print_row({"fast tries", "until", "asked", "inside %", "saved %"});
    std::vector<double> slow;
    for (const int tries : {0, 10, 50}) {
      std::vector<double> until;
      double asked = 0.0;
      double inside = 0.0;
      for (const Asked& run : ask_all(ground, tries, limits, optimum, options)) {
        asked += static_cast<double>(run.asked);
        inside += static_cast<double>(run.inside);
        until.push_back(run.until);
      }
      if (tries == 0) slow = until;
      print_row({std::to_string(tries), effort_text(until),
                 fmt::format("{:.0f}", asked / options.seeds),
                 fmt::format("{:.1f}", 100.0 * inside / asked),
                 fmt::format("{:.1f}", saved(until, slow))});
    }
  }
}

Setting bayesian(CostKnowledge knowledge, int trials) {
  Setting one = setting(word_of(knowledge), "bayesian", trials);
  one.config.cost_knowledge = knowledge;
  return one;
}

/// Energy x delay of one network over the designs: trials until within 1 % of the least.
void product(const std::string& csv, Options options) {
  if (options.seeds == 0) options.seeds = 20;
  for (const char* grid : {"semi-decoupled.json", "dance.json"}) {
    const KnownPairs ground(csv, grid);
    fmt::print(
        "\nenergy x delay of a network on {} designs: designs tried until within 1 % of the "
        "least, at most 200, {} seeds from {}\n",
        ground.designs.size(), options.seeds, options.first_seed);
    TextTable table({"network", "method", "median", "p90", "<= 60", "designs within 1 %"});
    for (const char* code : {"22222222", "11111111", "12012201"}) {
      const std::vector<Architecture> network{ground.space.decode(code)};
      std::vector<PairCost> row(ground.designs.size());
      ground.costs.costs(network[0], row);
      double least = std::numeric_limits<double>::infinity();
      for (const PairCost& cost : row) least = std::min(least, cost.product());
      const auto near = std::count_if(row.begin(), row.end(), [&](const PairCost& cost) {
        return cost.product() <= kNearProduct * least;
      });
      for (const bool is_random : {true, false}) {
        const Setting one =
            is_random ? setting("random", "random", 200) : bayesian(CostKnowledge::Learned, 200);
        std::vector<double> until;
        for (int i = 0; i < options.seeds; ++i) {
          StopToken stop;
          TableEvaluator evaluator = ground.table;
          const CodesignResult found =
              run(ground, one, ground.costs, {}, network, evaluator, stop, options.seed(i));
          double trials = 201.0;
          for (std::size_t k = found.scored.size(); k-- > 0;) {
            if (found.scored[k].cost.product() <= kNearProduct * least) {
              trials = static_cast<double>(k + 1);
            }
          }
          until.push_back(trials);
        }
        const auto soon =
            std::count_if(until.begin(), until.end(), [](double value) { return value <= 60.0; });
        table.add({code, one.label, fmt::format("{:.0f}", median(until)),
                   fmt::format("{:.0f}", quantile(until, 0.9)),
                   fmt::format("{} of {}", soon, options.seeds), std::to_string(near)});
      }
    }
    fmt::print("{}", table.str());
    std::fflush(stdout);
  }
}

/// Costs that are infinite on designs that nothing known before a trial tells from the others.
class ForbiddingCosts : public PairCostModel {
 public:
  ForbiddingCosts(const PairCostModel& costs, std::vector<bool> forbidden)
      : costs_(costs), forbidden_(std::move(forbidden)) {}
  std::size_t designs() const override { return costs_.designs(); }
  PairCost cost(const Architecture& arch, std::size_t design) const override {
    if (!forbidden_[design]) return costs_.cost(arch, design);
    return {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  }

 private:
  const PairCostModel& costs_;
  std::vector<bool> forbidden_;
};

/// Forbids the half of the designs with the larger sum of positions on three axes.
std::vector<bool> half_of(const DesignSpace& designs) {
  std::vector<double> sums;
  for (std::size_t design = 0; design < designs.size(); ++design) {
    const auto at = designs.coordinates(design);
    double sum = 0.0;
    for (std::size_t axis = 1; axis < at.size(); ++axis) {
      sum += at[axis] / static_cast<double>(designs.axes()[axis].values.size() - 1);
    }
    sums.push_back(sum);
  }
  const double middle = median(sums);
  std::vector<bool> forbidden;
  for (const double sum : sums) forbidden.push_back(sum > middle);
  return forbidden;
}

struct InvalidCase {
  std::string label;
  const PairCostModel* costs;
  Limits limits;
};

void invalid(const std::string& csv, Options options) {
  if (options.seeds == 0) options.seeds = 20;
  constexpr int kTrials = 200;
  constexpr std::size_t kSkipped = 30;
  for (const char* grid : {"semi-decoupled.json", "dance.json"}) {
    const KnownPairs ground(csv, grid);
    const ForbiddingCosts forbidding(ground.costs, half_of(ground.designs));
    const std::vector<InvalidCase> cases{
        {"half the grid forbidden", &forbidding, {}},
        {"half forbidden, limits 10 %", &forbidding, limits_for(ground, 0.1)},
        {"limits that 50 % meet", &ground.costs, limits_for(ground, 0.5)},
        {"limits that 10 % meet", &ground.costs, limits_for(ground, 0.1)},
        {"limits that 1 % meet", &ground.costs, limits_for(ground, 0.01)}};
    fmt::print(
        "\n{} designs: share of {} pairs tried after the first {} that is outside the limits "
        "or forbidden, {} seeds from {}\n",
        ground.designs.size(), kTrials - static_cast<int>(kSkipped), kSkipped, options.seeds,
        options.first_seed);
    TextTable table({"case", "limits", "invalid %: mean", "worst seed", "gap: mean %"});
    for (const InvalidCase& one : cases) {
      const double optimum = ground.optimum(one.limits, *one.costs)->accuracy;
      for (const CostKnowledge knowledge : {CostKnowledge::Learned, CostKnowledge::Unchecked}) {
        std::vector<double> shares;
        std::vector<double> all_gaps;
        for (int i = 0; i < options.seeds; ++i) {
          StopToken stop;
          TableEvaluator evaluator = ground.table;
          CodesignResult found;
          double gap = 100.0;
          double outside = 1.0;
          try {
            found = run(ground, bayesian(knowledge, kTrials), *one.costs, one.limits,
                        ground.networks, evaluator, stop, options.seed(i));
            gap = 100.0 * (optimum - found.best.accuracy);
            std::size_t count = 0;
            for (std::size_t k = kSkipped; k < found.scored.size(); ++k) {
              count += one.limits.meets(found.scored[k].cost) ? 0 : 1;
            }
            outside =
                static_cast<double>(count) / static_cast<double>(found.scored.size() - kSkipped);
          } catch (const Error& error) {
            if (error.kind() != ErrorKind::Infeasible) throw;
          }
          shares.push_back(100.0 * outside);
          all_gaps.push_back(gap);
        }
        table.add({one.label, knowledge == CostKnowledge::Learned ? "modelled" : "not modelled",
                   fmt::format("{:.1f}", mean(shares)),
                   fmt::format("{:.1f}", *std::max_element(shares.begin(), shares.end())),
                   fmt::format("{:.3f}", mean(all_gaps))});
      }
    }
    fmt::print("{}", table.str());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    fmt::print(stderr,
               "usage: hsconas_codesign_methods_bench NAS_BENCH_MACRO.csv PART [SEEDS [FIRST [NAME "
               "...]]]\n");
    return 2;
  }
  const std::string csv = argv[1];
  const std::string part = argv[2];
  Options options;
  if (argc > 3) options.seeds = std::stoi(argv[3]);
  if (argc > 4) options.first_seed = std::stoull(argv[4]);
  options.settings.assign(argv + std::min(argc, 5), argv + argc);
  if (part == "product") {
    product(csv, options);
  } else if (part == "invalid") {
    invalid(csv, options);
  } else if (part == "methods_dance") {
    methods(KnownPairs(csv, "dance.json"), options);
  } else {
    const KnownPairs ground(csv, "semi-decoupled.json");
    if (part == "methods") {
      methods(ground, options);
    } else if (part == "early") {
      early(ground, options);
    } else if (part == "share") {
      share(ground, options);
    } else if (part == "phases") {
      phases(ground, options);
    } else if (part == "settings") {
      settings(ground, options);
    } else {
      fmt::print(stderr, "there is no part {}\n", part);
      return 2;
    }
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "hsconas_codesign_methods_bench: {}\n", error.what());
  return 2;
}
