// Compares sizes of the population of `evolution` on accuracies as noisy as those of shared
// weights:
//   hsconas_noise_bench [--seeds N] [--parts tables,layers]
// "tables" searches benchmarks whose accuracies are all known, read from HSCONAS_DATA or
// ../shared/data. "layers" searches the 20 layers of hsconas-a, whose accuracies are made up. The
// search sees accuracies with noise that lowers Kendall's rank correlation with the truth; the
// results are those of the chosen networks in truth.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/noise.hpp"
#include "bench/search_tables.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/search/search.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"

using namespace hsconas;

namespace {

constexpr int kLooks[] = {100, 200, 500, 1000};
constexpr double kTaus[] = {1.0, 0.9, 0.7, 0.5};

struct Settings {
  int population;
  int parents;
  std::string name() const { return fmt::format("{}/{}", population, parents); }
};
constexpr int kEvaluations = 1000;
const Settings kSettings[] = {{50, 10}, {20, 5}};

/// Whether the noise of each network is its own, or similar networks share some.
enum class Noise { Own, Shared };

std::string word(Noise noise) {
  return noise == Noise::Own ? "own" : "shared";
}

/// What the searches by one kind of settings found.
struct Found {
  std::vector<double> until_top;             ///< Evaluations; kEvaluations + 1 where never.
  std::map<int, std::vector<double>> truth;  ///< Of the winner after so many evaluations.
};

const std::vector<std::string> kHead{"problem", "noise",  "tau",    "population", "until top",
                                     "at 100",  "at 200", "at 500", "at 1000",    "p 200, 1000"};

/// The probability of truths as high as those of `a` beside those of `b`, by chance.
double chance_above(const Found& a, const Found& b, int evaluations) {
  return mann_whitney_p(b.truth.at(evaluations), a.truth.at(evaluations));
}

void add_row(TextTable& table, std::vector<std::string> cells, const Found& found,
             const Found& first, double scale) {
  const auto shown = [](double number) {
    return number > kEvaluations ? std::string("-") : fmt::format("{:.0f}", number);
  };
  cells.push_back(found.until_top.empty() ? "-"
                                          : fmt::format("{} ({})", shown(median(found.until_top)),
                                                        shown(quantile(found.until_top, 0.9))));
  for (const int at : kLooks)
    cells.push_back(fmt::format("{:.3f}", scale * mean(found.truth.at(at))));
  cells.push_back(fmt::format("{:.1g}, {:.1g}", chance_above(found, first, 200),
                              chance_above(found, first, 1000)));
  table.add(std::move(cells));
}

/// Standard normal errors of the rows: of each row its own, or the sum of those of all pairs of its
/// genes, so that networks share errors as they share weights.
std::vector<double> errors_of(const KnownTable& table, Noise noise, Rng& rng) {
  std::vector<double> errors(table.signal.size());
  if (noise == Noise::Own) {
    for (double& error : errors) error = rng.normal();
    return errors;
  }
  std::map<std::vector<int>, double> by_pair;
  for (const auto& [genes, row] : table.row_of) {
    double sum = 0.0;
    for (std::size_t i = 0; i < genes.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const auto [at, is_new] =
            by_pair.try_emplace({static_cast<int>(i), static_cast<int>(j), genes[i], genes[j]});
        if (is_new) at->second = rng.normal();
        sum += at->second;
      }
    }
    errors[row] = sum;
  }
  const double middle = mean(errors);
  const double deviation = standard_deviation(errors);
  for (double& error : errors) error = (error - middle) / deviation;
  return errors;
}

void follow(const KnownProblem& problem, const std::vector<std::size_t>& scored, Found& found) {
  const KnownTable& table = problem.table();
  const double top = problem.top_signal(0.001);
  double until_top = kEvaluations + 1;
  std::size_t winner = scored.front();
  for (std::size_t i = 0; i < scored.size(); ++i) {
    if (table.signal[scored[i]] > table.signal[winner]) winner = scored[i];
    const int evaluations = static_cast<int>(i + 1);
    if (table.signal[scored[i]] >= top) until_top = std::min(until_top, evaluations * 1.0);
    if (std::find(std::begin(kLooks), std::end(kLooks), evaluations) != std::end(kLooks)) {
      found.truth[evaluations].push_back(table.reported[winner]);
    }
  }
  found.until_top.push_back(until_top);
}

void compare(const std::string& name, const KnownTable& truth, int seeds, TextTable& table) {
  for (const double tau : kTaus) {
    for (const Noise noise : {Noise::Own, Noise::Shared}) {
      if (tau == 1.0 && noise == Noise::Shared) continue;
      std::vector<Found> found(std::size(kSettings));
      std::vector<double> taus;
      for (int i = 1; i <= seeds; ++i) {
        const auto seed = static_cast<std::uint64_t>(i);
        Rng rng(seed, "noise");
        KnownTable noisy = truth;
        const auto errors = errors_of(truth, noise, rng);
        noisy.signal =
            with_noise(truth.reported, tau, rng, [&](std::size_t row) { return errors[row]; });
        if (i <= 2) {
          const std::size_t some = std::min<std::size_t>(truth.signal.size(), 3000);
          taus.push_back(
              kendall(std::span(noisy.signal).first(some), std::span(truth.reported).first(some)));
        }
        KnownProblem problem(std::move(noisy), "", {});
        for (std::size_t k = 0; k < found.size(); ++k) {
          follow(problem,
                 rows_searched(problem, "evolution", kSettings[k].population, kSettings[k].parents,
                               kEvaluations, seed),
                 found[k]);
        }
      }
      for (std::size_t k = 0; k < found.size(); ++k) {
        add_row(table, {name, word(noise), fmt::format("{:.2f}", mean(taus)), kSettings[k].name()},
                found[k], found[0], 1.0);
      }
    }
  }
}

/// The made-up accuracy of FakeEvaluator with noise: of each network its own, or the sum of one
/// error for the operators of each two neighbouring layers.
class NoisyEvaluator : public Evaluator {
 public:
  NoisyEvaluator(const FakeEvaluator& truth, Noise noise, double deviation, std::uint64_t seed)
      : truth_(truth), noise_(noise), deviation_(deviation), seed_(seed) {}

  std::vector<double> accuracy(std::span<const Architecture> archs) override {
    std::vector<double> result;
    for (const Architecture& arch : archs) {
      result.push_back(std::clamp(truth_.accuracy_of(arch) + deviation_ * error(arch), 0.0, 1.0));
    }
    return result;
  }

 private:
  double drawn(const std::string& of) {
    const auto [at, is_new] = errors_.try_emplace(of);
    if (is_new) at->second = Rng(seed_, of).normal();
    return at->second;
  }

  double error(const Architecture& arch) {
    std::string all;
    double sum = 0.0;
    for (std::size_t layer = 0; layer < arch.size(); ++layer) {
      all += fmt::format("{}.{} ", arch[layer].op, arch[layer].width);
      if (noise_ == Noise::Own || layer == 0) continue;
      sum += drawn(fmt::format("{} {} {}", layer, arch[layer - 1].op, arch[layer].op));
    }
    return noise_ == Noise::Own ? drawn(all)
                                : sum / std::sqrt(static_cast<double>(arch.size()) - 1.0);
  }

  const FakeEvaluator& truth_;
  Noise noise_;
  double deviation_;
  std::uint64_t seed_;
  std::map<std::string, double> errors_;
};

/// A search problem with a budget, in which networks near T differ by `deviation` in accuracy.
struct Layers {
  SearchSpace space = shipped_space("hsconas-a");
  Subspace region = Subspace::full(space);
  FakeLatency latency{space};
  Objective objective;

  Layers() {
    const LatencyRange range = latency_range(latency, region);
    objective = {.target_ms = 0.5 * (range.fastest_ms + range.slowest_ms), .beta = -0.3};
  }
};

void search_layers(const Layers& layers, const FakeEvaluator& truth, Evaluator& noisy,
                   const Settings& settings, std::uint64_t seed, Found& found) {
  Scorer scorer(layers.space, noisy, layers.latency, layers.objective);
  const SearchConfig config{.population = settings.population,
                            .generations = kEvaluations / settings.population - 1,
                            .parents = settings.parents,
                            .racing = 1.0};
  Log log{Verbosity::Quiet, false};
  const auto result = search(layers.region, scorer, config, seed, log, StopToken());
  const Candidate* winner = &result.scored.front();
  for (std::size_t i = 0; i < result.scored.size(); ++i) {
    const Candidate& candidate = result.scored[i];
    if (candidate.score > winner->score) winner = &candidate;
    const int evaluations = static_cast<int>(i + 1);
    if (std::find(std::begin(kLooks), std::end(kLooks), evaluations) == std::end(kLooks)) continue;
    found.truth[evaluations].push_back(
        layers.objective.score(truth.accuracy_of(winner->arch), winner->latency_ms));
  }
}

void compare_layers(int seeds, TextTable& table) {
  const Layers layers;
  for (const double tau : kTaus) {
    for (const Noise noise : {Noise::Own, Noise::Shared}) {
      if (tau == 1.0 && noise == Noise::Shared) continue;
      std::vector<Found> found(std::size(kSettings));
      std::vector<double> taus;
      for (int i = 1; i <= seeds; ++i) {
        const auto seed = static_cast<std::uint64_t>(i);
        FakeEvaluator truth(layers.space, seed);
        Rng rng(seed, "sample");
        Scorer scorer(layers.space, truth, layers.latency, layers.objective);
        std::vector<Architecture> some;
        for (int k = 0; k < 200; ++k) {
          some.push_back(sample_near_target(layers.region, scorer, 0.05, rng));
        }
        const auto true_accuracies = truth.accuracy(some);
        const double correlation = correlation_of(tau);
        NoisyEvaluator noisy(truth, noise,
                             standard_deviation(true_accuracies) *
                                 std::sqrt(1.0 / (correlation * correlation) - 1.0),
                             seed);
        taus.push_back(kendall(true_accuracies, noisy.accuracy(some)));
        for (std::size_t k = 0; k < found.size(); ++k) {
          search_layers(layers, truth, noisy, kSettings[k], seed, found[k]);
        }
      }
      for (std::size_t k = 0; k < found.size(); ++k) {
        add_row(table,
                {"hsconas-a", word(noise), fmt::format("{:.2f}", mean(taus)), kSettings[k].name()},
                found[k], found[0], 100.0);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  int seeds = 100;
  std::vector<std::string> parts{"tables", "layers"};
  CLI::App app("Compares sizes of the population of evolution on noisy accuracies");
  app.add_option("--seeds", seeds, "Searches of each kind");
  app.add_option("--parts", parts, "tables, layers")->delimiter(',');
  CLI11_PARSE(app, argc, argv);
  TextTable table(kHead);
  for (const std::string& part : parts) {
    if (part == "tables") {
      compare("NAS-Bench-201", nas_bench_201("acc200_cifar10_test"), seeds, table);
      compare("NAS-Bench-Macro", nas_bench_macro(), seeds, table);
    } else if (part == "layers") {
      compare_layers(std::min(seeds, 40), table);
    }
  }
  fmt::print("{}", table.str());
  return 0;
}
