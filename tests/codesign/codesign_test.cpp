#include "hsconas/codesign/codesign.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/codesign/rank_correlation.hpp"
#include "hsconas/score/table_evaluator.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_pair_cost.hpp"
#include "support/reference_data.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

constexpr std::size_t kDesigns = 6;

using Networks = std::vector<Architecture>;

/// `kDesigns` designs that differ in a bandwidth; costs are not taken from them.
DesignSpace some_designs() {
  return DesignSpace(json::parse(R"({"name": "some", "dataflow": "ws-x", "pes": 64,
    "buffer_bytes": 65536, "noc_words": {"from": 1, "to": 6, "step": 1}, "offchip_bytes": 16})"));
}

std::vector<Architecture> all_networks(const SearchSpace& space) {
  std::set<Architecture> all;
  for (const Architecture& arch : enumerate(Subspace::full(space))) {
    all.insert(space.canonical(arch));
  }
  return {all.begin(), all.end()};
}

/// A tiny space, designs and fakes: everything a search needs.
struct Bench {
  explicit Bench(std::uint64_t seed = 1, double disorder = 0.0)
      : evaluator(space, seed), costs(space, kDesigns, seed, disorder) {}

  SearchSpace space = tiny_space();
  DesignSpace designs = some_designs();
  FakeEvaluator evaluator;
  FakePairCost costs;
  std::vector<Architecture> networks = all_networks(space);
  Limits limits;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  CodesignConfig config;
  SearchConfig search{
      .population = 20, .generations = 15, .parents = 8, .mutation_probability = 0.3};
  bool evolves = false;  ///< No list of networks is given.

  CodesignResult run(const std::string& method, std::uint64_t seed = 1) {
    AccuracyCache accuracies(space, evaluator);
    config.method = method;
    return codesign({.accuracies = accuracies,
                     .costs = costs,
                     .designs = designs,
                     .limits = limits,
                     .networks = evolves ? std::vector<Architecture>{} : networks},
                    config, search, seed, log, stop);
  }

  /// Accuracy of the best of `networks` on a design; -1 when none meets the limits.
  double best_on(std::size_t design, const Limits& asked,
                 const std::vector<Architecture>& among) const {
    double best = -1.0;
    for (const Architecture& arch : among) {
      if (asked.meets(costs.cost(arch, design))) {
        best = std::max(best, evaluator.accuracy_of(arch));
      }
    }
    return best;
  }

  /// Quantiles of what the networks cost on a design.
  Limits limits_on(std::size_t design, double ms, double energy) const {
    std::vector<double> all_ms;
    std::vector<double> all_energy;
    for (const Architecture& arch : networks) {
      const PairCost cost = costs.cost(arch, design);
      all_ms.push_back(cost.ms);
      all_energy.push_back(cost.energy);
    }
    return {.ms = quantile(all_ms, ms), .energy = quantile(all_energy, energy)};
  }
};

std::vector<Architecture> set_of(const CodesignResult& result) {
  std::vector<Architecture> networks;
  for (const Pair& pair : result.proxy_set) networks.push_back(result.networks[pair.network]);
  return networks;
}

}  // namespace

TEST_CASE("where designs rank networks alike, the proxy's front holds the optimum for any limits",
          "[codesign]") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Bench bench(seed);
    bench.config.limit_levels = 0;
    for (const double level : {0.1, 0.4, 0.9}) {
      bench.limits = bench.limits_on(seed % kDesigns, level, 1.1 - level);
      const CodesignResult coupled = bench.run("coupled");
      for (std::size_t proxy = 0; proxy < kDesigns; ++proxy) {
        bench.config.proxy = bench.designs.designs()[proxy].name;
        const CodesignResult semi = bench.run("semi_decoupled");
        CHECK(semi.best.accuracy == coupled.best.accuracy);
        CHECK(semi.counts.pairs < coupled.counts.pairs);
      }
    }
  }
}

TEST_CASE(
    "where designs rank networks alike, solving for a grid of limits on any proxy solves it "
    "on every design",
    "[codesign]") {
  constexpr int kLevels = 5;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Bench bench(seed);
    bench.config.limit_levels = kLevels;
    for (std::size_t proxy = 0; proxy < kDesigns; ++proxy) {
      bench.config.proxy = bench.designs.designs()[proxy].name;
      const std::vector<Architecture> set = set_of(bench.run("semi_decoupled"));
      CHECK(set.size() <= kLevels * kLevels);
      for (std::size_t design = 0; design < kDesigns; ++design) {
        for (int i = 0; i < kLevels; ++i) {
          for (int k = 0; k < kLevels; ++k) {
            const Limits limits = bench.limits_on(design, i / (kLevels - 1.0), k / (kLevels - 1.0));
            CHECK(bench.best_on(design, limits, set) ==
                  bench.best_on(design, limits, bench.networks));
          }
        }
      }
    }
  }
}

TEST_CASE("where designs rank networks each in its own way, a set from one of them falls short",
          "[codesign]") {
  double gap = 0.0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Bench bench(seed, 5.0);
    bench.config.limit_levels = 0;
    bench.config.proxy = bench.designs.designs()[0].name;
    const std::vector<Architecture> set = set_of(bench.run("semi_decoupled"));
    for (std::size_t design = 1; design < kDesigns; ++design) {
      const Limits limits = bench.limits_on(design, 0.3, 0.3);
      gap = std::max(gap, bench.best_on(design, limits, bench.networks) -
                              std::max(bench.best_on(design, limits, set), 0.0));
    }
  }
  CHECK(gap > 0.002);
}

TEST_CASE("a search costs M N pairs coupled, M + N decoupled and M + K N semi-decoupled",
          "[codesign]") {
  Bench bench;
  const auto networks = static_cast<std::int64_t>(bench.networks.size());
  const auto designs = static_cast<std::int64_t>(kDesigns);
  CHECK(bench.run("coupled").counts.pairs == networks * designs);
  CHECK(bench.run("decoupled").counts.pairs == networks + designs);
  bench.config.limit_levels = 4;
  const CodesignResult semi = bench.run("semi_decoupled");
  const auto kept = static_cast<std::int64_t>(semi.proxy_set.size());
  CHECK(kept > 1);
  CHECK(semi.counts.pairs == networks + kept * designs);
  CHECK(semi.counts.networks == networks);
  // Stage 2 sees no network outside of P.
  const std::vector<Architecture> set = set_of(semi);
  REQUIRE(semi.is_complete);
  REQUIRE(std::ssize(semi.scored) == semi.counts.pairs);
  for (std::size_t i = bench.networks.size(); i < semi.scored.size(); ++i) {
    CHECK(std::count(set.begin(), set.end(), semi.networks[semi.scored[i].network]) == 1);
  }
}

TEST_CASE("the set that goes on to stage 2 can be bounded and keeps its ends", "[codesign]") {
  Bench bench;
  bench.config.limit_levels = 0;
  const auto all = bench.run("semi_decoupled").proxy_set;
  bench.config.set_size = 5;
  const auto few = bench.run("semi_decoupled").proxy_set;
  REQUIRE(all.size() > 5);
  REQUIRE(few.size() == 5);
  CHECK(few.front().accuracy == all.front().accuracy);
  CHECK(few.back().accuracy == all.back().accuracy);
}

TEST_CASE("joint evolution comes near the optimum with a fraction of the pairs and repeats itself",
          "[codesign]") {
  Bench bench(2);
  bench.limits = bench.limits_on(2, 0.5, 0.5);
  const CodesignResult all = bench.run("coupled");
  bench.evolves = true;
  const CodesignResult evolved = bench.run("coupled");
  const CodesignResult again = bench.run("coupled");
  CHECK(evolved.counts.pairs <= 20 * 16);
  CHECK(evolved.best.accuracy >= all.best.accuracy - 0.02);
  CHECK(evolved.best.accuracy <= all.best.accuracy);
  CHECK(bench.limits.meets(evolved.best.cost));
  CHECK(again.networks == evolved.networks);
  CHECK(again.best.design == evolved.best.design);
  const CodesignResult random = bench.run("random");
  CHECK(random.counts.pairs <= 20 * 16);
  CHECK(random.best.accuracy <= all.best.accuracy);
}

TEST_CASE("without a list of networks both stages work by evolution", "[codesign]") {
  Bench bench;
  bench.evolves = true;
  bench.config.limit_levels = 2;
  bench.search.generations = 3;
  bench.limits = bench.limits_on(1, 0.6, 0.6);
  const CodesignResult semi = bench.run("semi_decoupled");
  CHECK(!semi.proxy_set.empty());
  CHECK(semi.proxy_set.size() <= 4);
  CHECK(bench.limits.meets(semi.best.cost));
  CHECK(bench.limits.meets(bench.run("decoupled").best.cost));
}

TEST_CASE("the run's seed and the search's are two numbers, not their sum", "[codesign]") {
  const auto tried = [](std::uint64_t seed, std::uint64_t search_seed) {
    Bench bench;
    bench.search.seed = search_seed;
    std::vector<double> accuracies;
    for (const Pair& pair : bench.run("random", seed).scored) accuracies.push_back(pair.accuracy);
    return accuracies;
  };
  CHECK(tried(2, 0) == tried(2, 0));
  CHECK(tried(2, 0) != tried(1, 1));
  CHECK(tried(1, 1) != tried(1, 0));
  CHECK(tried(1, 1) != tried(2, 1));
}

TEST_CASE("limits that no pair meets name the nearest pair, whatever the method", "[codesign]") {
  Bench bench;
  bench.limits = {.ms = 1e-9};
  for (const char* method : {"coupled", "decoupled", "semi_decoupled", "random"}) {
    const std::string error = error_of([&] { bench.run(method); });
    CAPTURE(error);
    CHECK(error.starts_with("infeasible: "));
    CHECK(contains(error, "latency <= 1e-09 ms"));
    CHECK(contains(error, "the nearest is network "));
    CHECK(contains(error, "feasible with limits "));
  }
  bench.limits = {.area_mm2 = 1e-9};
  CHECK(contains(error_of([&] { bench.run("coupled"); }), "the smallest, 1, takes"));
  bench.limits = {};
  bench.config.proxy = "99";
  CHECK(contains(error_of([&] { bench.run("decoupled"); }), "some has no design '99'"));
}

TEST_CASE("designs above the area limit are never costed", "[codesign]") {
  Bench bench;
  bench.limits.area_mm2 = area_of(bench.designs.designs()[2]).total() / 1e6;
  const CodesignResult result = bench.run("coupled");
  CHECK(result.counts.pairs == static_cast<std::int64_t>(bench.networks.size()) * 3);
  for (const Pair& pair : result.scored) CHECK(pair.design <= 2);
}

// The figures of the authors' published result tables: 1,018 networks of NAS-Bench-301.
TEST_CASE("Spearman with ties reproduces the published correlations between accelerators",
          "[codesign]") {
  const std::string name = "codesign_nb301/nb301_maestro_cost.csv.gz";
  const auto file = reference_data(name);
  if (!file) return skip_test(no_reference_data(name));
  const CsvTable table = CsvTable::load(*file);
  const auto column = [&](const std::string& key) {
    const std::size_t index = table.column(key);
    std::vector<double> values;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      values.push_back(table.number(row, index));
    }
    return values;
  };
  struct Published {
    const char* a;
    const char* b;
    double latency, energy;
  };
  const Published all[] = {
      {"kcp_ws_1", "kcp_ws_2", .9790, .9778}, {"kcp_ws_1", "xp_ws_1", .9752, .9724},
      {"kcp_ws_1", "rs_1", .9748, .9763},     {"kcp_ws_2", "xp_ws_1", .9983, .9969},
      {"kcp_ws_2", "rs_1", .9980, .9995},     {"xp_ws_1", "rs_1", .9998, .9987}};
  for (const Published& pair : all) {
    CAPTURE(pair.a, pair.b);
    const auto of = [&](const std::string& what) {
      return std::round(1e4 * spearman(column(pair.a + what), column(pair.b + what))) / 1e4;
    };
    CHECK(of("_cycles") == Approx(pair.latency).margin(1e-9));
    CHECK(of("_energy_nj") == Approx(pair.energy).margin(1e-9));
  }
}

// Every fourth network and a few designs, so that sanitizers can follow; bench/codesign_bench.cpp
// does all of it.
TEST_CASE("with real accuracies, a set from one design serves those that rank networks like it",
          "[codesign]") {
  const std::string name = "nas_bench_macro/nas_bench_macro_cifar10.csv.gz";
  const auto file = reference_data(name);
  if (!file) return skip_test(no_reference_data(name));
  const SearchSpace space = shipped_space("nas-bench-macro");
  TableEvaluator evaluator(space, *file, "mean_acc");
  std::vector<Architecture> networks;
  for (std::size_t i = 0; i < evaluator.architectures().size(); i += 4) {
    networks.push_back(evaluator.architectures()[i]);
  }
  const DesignSpace designs(json::parse(R"({"dataflow": ["ws-x", "rs-yr"], "pes": [64, 256],
    "buffer_bytes": 524288, "noc_words": [300, 1000], "offchip_bytes": [50, 350],
    "clock_mhz": 500})"));
  const CostTable costs(space, designs.designs());
  AccuracyCache accuracies(space, evaluator);
  Log log(Verbosity::Quiet, false);
  const StopToken stop;
  CodesignConfig config;
  config.limit_levels = 0;
  const auto run = [&](const char* method, const Limits& limits) {
    config.method = method;
    return codesign({.accuracies = accuracies,
                     .costs = costs,
                     .designs = designs,
                     .limits = limits,
                     .networks = networks},
                    config, {}, 1, log, stop);
  };
  const double free_ms = run("coupled", {}).best.cost.ms;
  std::vector<std::size_t> all(designs.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const std::size_t proxy = proxy_of(designs, config);
  const RankCorrelations ranks = rank_correlations(costs, networks, proxy, all);
  CHECK(*std::min_element(ranks.latency.begin(), ranks.latency.end()) > 0.95);
  for (const double share : {0.3, 0.5, 0.8}) {
    const Limits limits{.ms = share * free_ms};
    const double gap =
        run("coupled", limits).best.accuracy - run("semi_decoupled", limits).best.accuracy;
    CHECK(gap >= 0.0);
    CHECK(gap <= 0.002);
  }
}
