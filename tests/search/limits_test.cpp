#include "support/limits.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/score/target_sampler.hpp"
#include "hsconas/search/methods.hpp"
#include "hsconas/search/search.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// fashion-28 with fakes; limits that about one network in ten near T keeps to.
struct LimitedBench {
  LimitedBench() {
    const LatencyRange range = latency_range(latency, subspace);
    objective.target_ms = range.fastest_ms + 0.4 * (range.slowest_ms - range.fastest_ms);
    config = {.population = 20, .generations = 6, .parents = 5};
    Scorer free_scorer(space, evaluator, latency, objective);
    const TargetSampler sampler(subspace, free_scorer, 0.05);
    Rng rng(1, "limits");
    std::vector<double> params;
    std::vector<double> memory;
    for (int i = 0; i < 100; ++i) {
      const Architecture arch = sampler.sample(rng);
      params.push_back(static_cast<double>(space.cost(arch).parameters()));
      memory.push_back(memory_mb(space, arch, 1, 4));
    }
    std::sort(params.begin(), params.end());
    std::sort(memory.begin(), memory.end());
    limits.max_params = params[10];
    limits.max_memory_mb = memory[50];
  }

  Scorer scorer(const std::filesystem::path& csv = {}) {
    Scorer made(space, evaluator, latency, objective, csv);
    made.set_limits(limits_of(space, limits));
    return made;
  }
  SearchResult run(Scorer& scorer, std::uint64_t seed = 1) {
    return search(subspace, scorer, config, seed, log, stop);
  }

  SearchSpace space = shipped_space("fashion-28");
  FakeEvaluator evaluator{space};
  FakeLatency latency{space};
  Subspace subspace = Subspace::full(space);
  Objective objective{.target_ms = 1.0, .beta = -0.3};
  LimitsConfig limits;
  SearchConfig config;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  TemporaryFolder folder;
};

}  // namespace

TEST_CASE("every candidate of every method is inside the limits", "[search][limits]") {
  for (const SearchMethod& method : search_methods()) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      CAPTURE(method.name, seed);
      LimitedBench bench;
      bench.config.method = method.name;
      Scorer scorer = bench.scorer();
      const SearchResult result = bench.run(scorer, seed);
      CHECK(result.scored.size() == 20 * 7);
      for (const Candidate& candidate : result.scored) {
        CHECK(scorer.limits().violation(candidate.arch) == 0.0);
        // T is only an upper bound for a method that finds a front.
        CHECK(candidate.latency_ms <= 1.05 * bench.objective.target_ms);
        if (!method.finds_front) CHECK(bench.objective.gap(candidate.latency_ms) <= 0.05);
      }
    }
  }
}

TEST_CASE("limits that exclude nothing leave the best networks of a search as good",
          "[search][limits]") {
  LimitedBench bench;
  bench.limits = {};
  Scorer free_scorer = bench.scorer();
  const double best = bench.run(free_scorer).best.score;
  bench.limits = {.max_params = 1e12};
  Scorer wide = bench.scorer();
  CHECK(bench.run(wide).best.score > best - 0.05);
}

TEST_CASE("a search under limits that is stopped continues to the same result",
          "[search][limits]") {
  for (const SearchMethod& method : search_methods()) {
    CAPTURE(method.name);
    LimitedBench bench;
    bench.config.method = method.name;
    const auto csv = bench.folder / fmt::format("{}.csv", method.name);
    Scorer whole_scorer = bench.scorer(csv);
    const SearchResult whole = bench.run(whole_scorer);
    bench.evaluator.interrupt_at = std::ssize(bench.evaluator.asked) + 70;
    const auto stopped = bench.folder / fmt::format("{}-stopped.csv", method.name);
    Scorer part = bench.scorer(stopped);
    CHECK(contains(error_of([&] { bench.run(part); }), "interrupted: "));
    bench.evaluator.interrupt_at = -1;
    Scorer rest = bench.scorer(stopped);
    const SearchResult continued = bench.run(rest);
    CHECK(continued.best.arch == whole.best.arch);
    CHECK(read_file(stopped) == read_file(csv));
  }
}

TEST_CASE("a search in which nothing is inside is refused before anything is scored",
          "[search][limits]") {
  LimitedBench bench;
  bench.limits.max_macs = 10.0;
  Scorer scorer = bench.scorer();
  CHECK(contains(error_of([&] { bench.run(scorer); }),
                 "infeasible: no architecture meets limits.max_macs 10"));
  CHECK(bench.evaluator.asked.empty());
}
