// Compares the shrinking methods on benchmarks whose accuracies are all known: NAS-Bench-Macro (8
// layers, 3 operators) and the cells of NAS-Bench-201 (6 edges, 5 operators).
//   hsconas_shrink_bench [--seeds N] [--samples N] [--macro CSV] [--cells CSV]
// By default the tables are read from the folder that HSCONAS_DATA names. Accuracies of a
// benchmark are judged as they are, and with noise that lowers Kendall's rank correlation with the
// truth to .9, .7 and .5. The table has medians and means over the seeds of what is left in truth.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/noise.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/shrink/locality.hpp"
#include "hsconas/space/balls.hpp"
#include "support/reference_data.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

constexpr std::size_t kBest = 20;

/// All networks are equally fast, so that accuracy alone counts.
class SameLatency : public LatencyModel {
 public:
  double predict_ms(const Architecture& /*arch*/) const override { return 1.0; }
};

/// A benchmark with the accuracies that judge networks and those that are reported.
struct Benchmark {
  std::string name;
  SearchSpace space;
  int layers;  ///< That progressive shrinking decides.
  std::vector<Architecture> networks;
  std::vector<double> judged;
  std::vector<double> reported;
  std::map<Architecture, std::size_t> ranks;  ///< By reported accuracy, from 0.

  Benchmark(std::string title, SearchSpace among, int decided, const std::filesystem::path& csv,
            const std::string& judge, const std::string& report)
      : name(std::move(title)), space(std::move(among)), layers(decided) {
    TableEvaluator judging(space, csv, judge);
    TableEvaluator reporting(space, csv, report);
    networks = judging.architectures();
    judged = judging.accuracy(networks);
    reported = reporting.accuracy(networks);
    std::vector<std::size_t> order(networks.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return reported[a] > reported[b]; });
    for (std::size_t i = 0; i < order.size(); ++i) ranks[networks[order[i]]] = i;
  }
};

/// The cells of NAS-Bench-201 as a product of six edges. Which operators stand for its operators
/// does not matter, as only the accuracies of the table are used.
SearchSpace cell_space() {
  SpaceDescription space = tiny_description(6);
  space.name = "nas-bench-201";
  space.operators = {"shuffle_k3", "shuffle_k5", "shuffle_k7", "xception", "skip"};
  space.widths = {1.0};
  return SearchSpace(space);
}

/// Accuracies whose Kendall correlation with the judged ones of the benchmark is `tau` on average.
class NoisyEvaluator : public Evaluator {
 public:
  NoisyEvaluator(const Benchmark& benchmark, double tau, std::uint64_t seed) {
    Rng rng(seed, "noise");
    const auto noisy = with_noise(benchmark.judged, tau, rng,
                                  [&](std::size_t /*network*/) { return rng.normal(); });
    for (std::size_t i = 0; i < noisy.size(); ++i) known_[benchmark.networks[i]] = noisy[i];
  }

  std::vector<double> accuracy(std::span<const Architecture> archs) override {
    std::vector<double> result;
    for (const Architecture& arch : archs) result.push_back(known_.at(arch));
    return result;
  }

 private:
  std::map<Architecture, double> known_;
};

/// Kendall's tau of the judged and the noisy accuracies of some networks.
double tau_of(const Benchmark& benchmark, Evaluator& noisy) {
  constexpr std::size_t kSome = 1500;
  std::vector<double> truth;
  std::vector<Architecture> archs;
  for (std::size_t i = 0; i < benchmark.networks.size();
       i += 1 + benchmark.networks.size() / kSome) {
    truth.push_back(benchmark.judged[i]);
    archs.push_back(benchmark.networks[i]);
  }
  return kendall(truth, noisy.accuracy(archs));
}

/// What one shrinking leaves, in truth.
struct Left {
  double networks = 0.0;
  double mean = 0.0;
  double best = 0.0;
  double best_rank = 0.0;  ///< From 1.
  double diversity = 0.0;  ///< Of its 20 best.
  double evaluations = 0.0;
};

Left measure(const Benchmark& benchmark, const NetworkRegion& region, int evaluations) {
  std::vector<double> accuracies;
  std::vector<std::pair<std::size_t, const Architecture*>> ranked;
  for (std::size_t i = 0; i < benchmark.networks.size(); ++i) {
    if (!region.contains(benchmark.networks[i])) continue;
    accuracies.push_back(benchmark.reported[i]);
    ranked.emplace_back(benchmark.ranks.at(benchmark.networks[i]), &benchmark.networks[i]);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<Architecture> best;
  for (std::size_t i = 0; i < std::min(kBest, ranked.size()); ++i)
    best.push_back(*ranked[i].second);
  return {.networks = static_cast<double>(accuracies.size()),
          .mean = mean(accuracies),
          .best = *std::max_element(accuracies.begin(), accuracies.end()),
          .best_rank = static_cast<double>(ranked.front().first + 1),
          .diversity = mean_distance(benchmark.space, best),
          .evaluations = static_cast<double>(evaluations)};
}

using Shrink = std::function<ShrunkRegion(const NetworkRegion&, Scorer&, std::uint64_t seed)>;

struct Method {
  std::string name;
  Shrink shrink;
};

std::vector<Method> methods_for(const Benchmark& benchmark, int samples, Log& log,
                                const StopToken& stop) {
  const auto balls = [&log, &stop, samples](double standard_errors) {
    return [&log, &stop, samples, standard_errors](const NetworkRegion& region, Scorer& scorer,
                                                   std::uint64_t seed) {
      return shrink_to_balls(region, {.samples = samples, .standard_errors = standard_errors},
                             scorer, seed, 0, log, stop);
    };
  };
  const int layers = benchmark.layers;
  return {{fmt::format("progressive, {} layers", layers),
           [&log, &stop, samples, layers](const NetworkRegion& region, Scorer& scorer,
                                          std::uint64_t seed) {
             ShrinkConfig config{.samples = samples, .stages = {{.layers = layers}}};
             return find_shrinker("progressive")
                 .shrink(region, config, 0,
                         {.scorer = scorer, .seed = seed, .log = log, .stop = stop});
           }},
          {"locality, any rise", balls(0.0)},
          {"locality, 1 standard error", balls(1.0)}};
}

double mean_of(const std::vector<Left>& all, double Left::*what) {
  std::vector<double> values;
  for (const Left& left : all) values.push_back(left.*what);
  return mean(values);
}

double median_of(const std::vector<Left>& all, double Left::*what) {
  std::vector<double> values;
  for (const Left& left : all) values.push_back(left.*what);
  return median(values);
}

void compare(const Benchmark& benchmark, int samples, int seeds, TextTable& table) {
  Log log{Verbosity::Quiet, false};
  const StopToken stop;
  const SameLatency latency;
  const Objective objective{.target_ms = 1.0, .beta = 0.0};
  const Subspace full = Subspace::full(benchmark.space);
  for (const double tau : {1.0, 0.9, 0.7, 0.5}) {
    std::vector<double> taus;
    for (const Method& method : methods_for(benchmark, samples, log, stop)) {
      std::vector<Left> all;
      int kept = 0;
      for (int i = 1; i <= seeds; ++i) {
        const auto seed = static_cast<std::uint64_t>(i);
        NoisyEvaluator evaluator(benchmark, tau, seed);
        if (i <= 3) taus.push_back(tau_of(benchmark, evaluator));
        Scorer scorer(benchmark.space, evaluator, latency, objective);
        const ShrunkRegion shrunk = method.shrink(full, scorer, seed);
        all.push_back(measure(benchmark, *shrunk.region, scorer.evaluations()));
        kept += all.back().best_rank == 1.0 ? 1 : 0;
      }
      table.add({benchmark.name, fmt::format("{:.2f}", mean(taus)), method.name,
                 fmt::format("{:.0f}", median_of(all, &Left::networks)),
                 fmt::format("{:.2f} -> {:.2f}", 100.0 * mean(benchmark.reported),
                             100.0 * mean_of(all, &Left::mean)),
                 fmt::format("{:.3f} ({:.0f})", 100.0 * median_of(all, &Left::best),
                             median_of(all, &Left::best_rank)),
                 fmt::format("{} of {}", kept, seeds),
                 fmt::format("{:.2f}", mean_of(all, &Left::diversity)),
                 fmt::format("{:.0f}", mean_of(all, &Left::evaluations))});
    }
  }
}

/// `file`, or the reference table `name`.
std::filesystem::path table_file(const std::string& file, const std::string& name) {
  if (!file.empty()) return file;
  if (const auto found = reference_data(name)) return *found;
  throw Error(ErrorKind::Data, no_reference_data(name));
}

int run(int argc, char** argv) {
  int seeds = 100;
  int samples = 100;
  std::string macro;
  std::string cells;
  CLI::App app("Compares the shrinking methods on benchmarks with known accuracies");
  app.add_option("--seeds", seeds, "Number of shrinkings of each kind")->check(CLI::PositiveNumber);
  app.add_option("--samples", samples, "shrink.samples")->check(CLI::PositiveNumber);
  app.add_option("--macro", macro, "CSV of NAS-Bench-Macro, columns arch and mean_acc");
  app.add_option("--cells", cells,
                 "CSV of NAS-Bench-201, columns ops, acc12_cifar10_val and acc200_cifar10_test");
  CLI11_PARSE(app, argc, argv);

  TextTable table({"benchmark", "tau", "method", "left", "mean accuracy", "best (rank)",
                   "best of all kept", "diversity", "evaluations"});
  compare(
      {"NAS-Bench-Macro", shipped_space("nas-bench-macro"), 4,
       table_file(macro, "nas_bench_macro/nas_bench_macro_cifar10.csv.gz"), "mean_acc", "mean_acc"},
      samples, seeds, table);
  const auto file = table_file(cells, "nas_bench_201/nb201.csv.gz");
  compare({"NAS-Bench-201", cell_space(), 3, file, "acc12_cifar10_val", "acc200_cifar10_test"},
          samples, seeds, table);
  compare({"NAS-Bench-201, by final accuracy", cell_space(), 3, file, "acc200_cifar10_test",
           "acc200_cifar10_test"},
          samples, seeds, table);
  fmt::print("{}", table.str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return error.exit_code();
  }
}
