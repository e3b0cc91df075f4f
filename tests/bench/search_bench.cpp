// Runs every search method on benchmarks whose accuracies are all known, and prints how many
// evaluations each needs; then NSGA-II against the true front; then what the methods cost.
//   hsconas_search_bench [--seeds N] [--methods a,b,...] [--parts searches,budgets,fronts,overhead]
// The tables are read from HSCONAS_DATA or ../shared/data.
#include <algorithm>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/search_tables.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/search/front.hpp"
#include "hsconas/search/search.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"

using namespace hsconas;

namespace {

constexpr int kEvaluations = 500;

/// A method with the settings of one row.
struct Row {
  std::string method;
  int population;
  int parents;

  std::string name() const {
    const bool has_population = method == "evolution" || method == "regularized";
    return has_population ? fmt::format("{} {}/{}", method, population, parents) : method;
  }
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"random", 20, 5}, {"regularized", 10, 3}, {"evolution", 50, 10}, {"evolution", 20, 5},
      {"local", 20, 5},  {"reinforce", 20, 5},   {"predictor", 20, 5},  {"bayesian", 20, 5}};
  return all;
}

/// The rows of the table that a search by `row` scores, in their order.
std::vector<std::size_t> searched(KnownProblem& problem, const Row& row, int evaluations,
                                  std::uint64_t seed) {
  return rows_searched(problem, row.method, row.population, row.parents, evaluations, seed);
}

/// What one row found, over all seeds.
struct Found {
  std::vector<double> until_top;   ///< Evaluations; kEvaluations + 1 where never.
  std::vector<double> until_best;  ///< Likewise.
  std::map<int, std::vector<double>> reported;
};

std::string evaluations_of(double number) {
  return number > kEvaluations ? fmt::format("> {}", kEvaluations) : fmt::format("{:.0f}", number);
}

void add_run(const KnownProblem& problem, const std::vector<std::size_t>& scored, Found& found) {
  const double top = problem.top_signal(0.001);
  const double best = problem.top_signal(0.0);
  const KnownTable& table = problem.table();
  double until_top = kEvaluations + 1;
  double until_best = kEvaluations + 1;
  std::size_t winner = scored.front();
  for (std::size_t i = 0; i < scored.size(); ++i) {
    const double signal = table.signal[scored[i]];
    const auto count = static_cast<double>(i + 1);
    if (signal > table.signal[winner]) winner = scored[i];
    if (signal >= top) until_top = std::min(until_top, count);
    if (signal >= best) until_best = std::min(until_best, count);
    const int evaluations = static_cast<int>(i + 1);
    if (evaluations == 50 || evaluations == 100 || evaluations == 200) {
      found.reported[evaluations].push_back(table.reported[winner]);
    }
  }
  found.until_top.push_back(until_top);
  found.until_best.push_back(until_best);
}

void print_searches(KnownProblem& problem, const std::string& title, int seeds,
                    const std::vector<std::string>& methods) {
  TextTable out({"method", "top 0.1 % (p90)", "mean", "best", "at 50", "at 100", "at 200", "p"});
  std::vector<double> random;
  for (const Row& row : rows()) {
    const bool is_wanted = methods.empty() || row.method == "random" ||
                           std::find(methods.begin(), methods.end(), row.method) != methods.end();
    if (!is_wanted) continue;
    Found found;
    for (int seed = 1; seed <= seeds; ++seed) {
      add_run(problem, searched(problem, row, kEvaluations, static_cast<std::uint64_t>(seed)),
              found);
    }
    if (row.method == "random") random = found.until_top;
    std::vector<std::string> cells{row.name(),
                                   fmt::format("{} ({})", evaluations_of(median(found.until_top)),
                                               evaluations_of(quantile(found.until_top, 0.9))),
                                   fmt::format("{:.0f}", mean(found.until_top)),
                                   evaluations_of(median(found.until_best))};
    for (const int at : {50, 100, 200})
      cells.push_back(fmt::format("{:.2f}", mean(found.reported[at])));
    cells.push_back(fmt::format("{:.1e}", mann_whitney_p(found.until_top, random)));
    out.add(std::move(cells));
  }
  fmt::print("{}, {} seeds, {} members\n{}\n", title, seeds, problem.members(), out.str());
  std::fflush(stdout);
}

/// The accuracies count from 80 %, as a search that finds less has found nothing.
double relative_hypervolume(const KnownProblem& problem, std::span<const std::size_t> scored) {
  constexpr double kFrom = 80.0;
  const KnownTable& table = problem.table();
  const auto points_of = [&](std::span<const std::size_t> some) {
    std::vector<Objectives> points;
    for (const std::size_t row : some) points.push_back({-table.signal[row], problem.cost(row)});
    return points;
  };
  const auto all = problem.rows_inside();
  double slowest = 0.0;
  for (const std::size_t row : all) slowest = std::max(slowest, problem.cost(row));
  const Objectives reference{-kFrom, slowest};
  return hypervolume(points_of(scored), reference) / hypervolume(points_of(all), reference);
}

void print_fronts(const std::vector<std::string>& devices, int seeds) {
  TextTable out({"evaluations", "population", "device", "hypervolume"});
  for (const std::string& device : devices) {
    KnownProblem problem(nas_bench_201("acc200_cifar10_test"), device, {});
    for (const int population : {20, 50}) {
      std::vector<double> early;
      std::vector<double> late;
      std::vector<double> drawn;
      for (int seed = 1; seed <= seeds; ++seed) {
        const auto number = static_cast<std::uint64_t>(seed);
        const auto scored = searched(problem, {"nsga2", population, 5}, kEvaluations, number);
        early.push_back(relative_hypervolume(problem, std::span(scored).first(200)));
        late.push_back(relative_hypervolume(problem, scored));
        drawn.push_back(relative_hypervolume(
            problem, searched(problem, {"random", population, 5}, kEvaluations, number)));
      }
      out.add(
          {"200 / 500", fmt::format("{}", population), device,
           fmt::format("{:.3f} / {:.3f} (random {:.3f})", mean(early), mean(late), mean(drawn))});
    }
  }
  fmt::print("NSGA-II against the true front of NAS-Bench-201, {} seeds\n{}\n", seeds, out.str());
  std::fflush(stdout);
}

/// The best signal of `rows` within a latency.
double best_within(const KnownProblem& problem, std::span<const std::size_t> rows, double limit) {
  double best = 0.0;
  for (const std::size_t row : rows) {
    if (problem.cost(row) <= limit) best = std::max(best, problem.table().signal[row]);
  }
  return best;
}

/// Mean accuracy lost at five latencies: by one front of 500 evaluations, and by five evolutions of
/// 100 each.
void print_one_front(const std::vector<std::string>& devices, int seeds) {
  TextTable out({"device", "one front of 500", "five evolutions of 100"});
  for (const std::string& device : devices) {
    KnownProblem whole(nas_bench_201("acc200_cifar10_test"), device, {});
    std::vector<double> costs;
    for (const std::size_t row : whole.rows_inside()) costs.push_back(whole.cost(row));
    std::vector<double> by_front;
    std::vector<double> by_evolution;
    for (int seed = 1; seed <= seeds; ++seed) {
      const auto number = static_cast<std::uint64_t>(seed);
      const auto front = searched(whole, {"nsga2", 50, 10}, kEvaluations, number);
      std::vector<double> limits;
      std::vector<std::size_t> found;
      for (const double share : {0.1, 0.3, 0.5, 0.7, 0.9}) {
        limits.push_back(quantile(costs, share));
        KnownProblem part(nas_bench_201("acc200_cifar10_test"), device, limits.back());
        const auto rows = searched(part, {"evolution", 20, 5}, kEvaluations / 5, number);
        found.insert(found.end(), rows.begin(), rows.end());
      }
      // What a run finds for one latency is there for all larger ones, too.
      for (const double limit : limits) {
        const double truth = best_within(whole, whole.rows_inside(), limit);
        by_front.push_back(truth - best_within(whole, front, limit));
        by_evolution.push_back(truth - best_within(whole, found, limit));
      }
    }
    out.add(
        {device, fmt::format("{:.3f}", mean(by_front)), fmt::format("{:.3f}", mean(by_evolution))});
  }
  fmt::print("mean accuracy lost at 5 latencies, {} seeds\n{}\n", seeds, out.str());
  std::fflush(stdout);
}

/// Seconds of CPU time that each method takes itself, relative to candidates of 50 ms.
void print_overhead() {
  constexpr double kCandidateSeconds = 0.05;
  const SearchSpace space = shipped_space("hsconas-a");
  const Subspace region = Subspace::full(space);
  const FakeLatency latency(space);
  const LatencyRange range = latency_range(latency, region);
  const Objective objective{.target_ms = 0.5 * (range.fastest_ms + range.slowest_ms), .beta = -0.3};
  TextTable out({"method", "evaluations", "CPU ms each", "% of 50 ms", "best F"});
  for (const SearchMethod& method : search_methods()) {
    FakeEvaluator evaluator(space);
    Scorer scorer(space, evaluator, latency, objective);
    SearchConfig config;
    config.method = method.name;
    config.racing = 1.0;
    Log log{Verbosity::Quiet, false};
    const std::clock_t start = std::clock();
    const auto result = search(region, scorer, config, 1, log, StopToken());
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    const auto count = static_cast<double>(result.scored.size());
    out.add({std::string(method.name), fmt::format("{}", result.scored.size()),
             fmt::format("{:.2f}", 1000.0 * seconds / count),
             fmt::format("{:.1f}", 100.0 * seconds / (count * kCandidateSeconds)),
             fmt::format("{:.4f}", result.best.score)});
  }
  fmt::print("time without accuracies, space hsconas-a\n{}\n", out.str());
  std::fflush(stdout);
}

void print_budgets(int seeds, const std::vector<std::string>& methods) {
  for (const std::string device : {"1080ti_1", "raspi4", "pixel3"}) {
    KnownProblem whole(nas_bench_201("acc12_cifar10_val"), device, {});
    std::vector<double> costs;
    for (const std::size_t row : whole.rows_inside()) costs.push_back(whole.cost(row));
    for (const double share : {0.3, 0.5}) {
      KnownProblem problem(nas_bench_201("acc12_cifar10_val"), device, quantile(costs, share));
      print_searches(problem,
                     fmt::format("NAS-Bench-201, {} <= {:.4g} ms, quantile {}", device,
                                 quantile(costs, share), share),
                     seeds, methods);
    }
  }
  const KnownTable macro = nas_bench_macro();
  const auto& macs = macro.costs.at("flops");
  const double half = 0.5 * *std::max_element(macs.begin(), macs.end());
  KnownProblem problem(macro, "flops", half);
  print_searches(problem, "NAS-Bench-Macro, half of the largest multiply-adds", seeds, methods);
}

}  // namespace

int main(int argc, char** argv) {
  int seeds = 100;
  std::vector<std::string> methods;
  std::vector<std::string> parts{"searches", "budgets", "fronts", "overhead"};
  CLI::App app("Compares the search methods on benchmarks whose accuracies are known");
  app.add_option("--seeds", seeds, "Searches of each method");
  app.add_option("--methods", methods, "Methods beside random; default: all")->delimiter(',');
  app.add_option("--parts", parts, "searches, budgets, fronts, overhead")->delimiter(',');
  CLI11_PARSE(app, argc, argv);
  for (const std::string& part : parts) {
    if (part == "searches") {
      KnownProblem cells(nas_bench_201("acc12_cifar10_val"), "", {});
      print_searches(cells, "NAS-Bench-201", seeds, methods);
      KnownProblem macro(nas_bench_macro(), "", {});
      print_searches(macro, "NAS-Bench-Macro", seeds, methods);
    } else if (part == "budgets") {
      print_budgets(seeds, methods);
    } else if (part == "fronts") {
      print_fronts({"1080ti_1", "gold_6226", "raspi4", "pixel3", "eyeriss"}, std::min(seeds, 15));
      print_one_front({"1080ti_1", "gold_6226", "pixel3"}, std::min(seeds, 12));
    } else if (part == "overhead") {
      print_overhead();
    }
  }
  return 0;
}
