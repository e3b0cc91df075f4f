#include "hsconas/shrink/locality.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/search/search.hpp"
#include "hsconas/space/balls.hpp"
#include "hsconas/stages/result.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// fashion-28 with fakes and a folder; T lies in the middle of the latencies.
struct LocalityBench {
  SearchSpace space = shipped_space("fashion-28");
  FakeEvaluator evaluator{space};
  FakeLatency latency{space};
  Subspace full = Subspace::full(space);
  LatencyRange range = latency_range(latency, full);
  Objective objective{.target_ms = 0.5 * (range.fastest_ms + range.slowest_ms), .beta = -0.3};
  TemporaryFolder folder;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  LocalityOptions options{.samples = 40, .seeds = 5, .radius = 2};

  Scorer scorer() { return {space, evaluator, latency, objective, folder / "candidates.csv"}; }
  ShrunkRegion shrink(const NetworkRegion& region, Scorer& scorer, std::uint64_t seed = 1) {
    return shrink_to_balls(region, options, scorer, seed, 0, log, stop);
  }
  ShrinkRecord::Stage stage(const ShrunkRegion& shrunk) {
    return stage_of("shrink-1", full, shrunk, space);
  }
};

std::string text_of(const ShrinkRecord::Stage& stage) {
  return to_json(ShrinkRecord{.method = "locality", .stages = {stage}}).dump();
}

}  // namespace

TEST_CASE("locality shrinking leaves balls around the best networks that it has scored",
          "[shrink][balls]") {
  LocalityBench bench;
  Scorer scorer = bench.scorer();
  const ShrunkRegion shrunk = bench.shrink(bench.full, scorer);
  const auto* balls = dynamic_cast<const Balls*>(shrunk.region.get());
  REQUIRE(balls != nullptr);
  CHECK(balls->seeds().size() == 5);
  CHECK(balls->radius() == 2);
  CHECK(shrunk.decisions.empty());
  REQUIRE(shrunk.best.size() == 20);
  for (const Candidate& candidate : shrunk.best) {
    CHECK(shrunk.region->contains(candidate.arch));
    CHECK(candidate.score <= shrunk.best.front().score);
    CHECK(bench.objective.gap(candidate.latency_ms) <= bench.options.latency_tolerance);
  }
}

TEST_CASE("each kept region is smaller and better by its standard error, a dropped one is not",
          "[shrink][balls]") {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    LocalityBench bench;
    bench.options.rounds = 20;
    bench.options.standard_errors = seed % 2 == 0 ? 0.0 : 1.0;
    Scorer scorer = bench.scorer();
    const auto rounds = bench.shrink(bench.full, scorer, seed).rounds;
    REQUIRE(rounds.size() >= 3);
    REQUIRE(rounds.size() < 20);
    for (std::size_t i = 1; i < rounds.size(); ++i) {
      const double error = bench.options.standard_errors *
                           std::hypot(rounds[i].standard_error, rounds[i - 1].standard_error);
      const bool is_better = rounds[i].mean - rounds[i - 1].mean > error &&
                             rounds[i].log10_size < rounds[i - 1].log10_size;
      CHECK(rounds[i].is_kept == is_better);
      CHECK(rounds[i].is_kept == (i + 1 < rounds.size()));
    }
    CHECK(rounds[0].samples == 40);
    CHECK(rounds[0].log10_size == Approx(log10_distinct(bench.space, bench.full)));
  }
}

TEST_CASE("without a rise of the mean score the region stays as it was", "[shrink][balls]") {
  class Flat : public Evaluator {
   public:
    std::vector<double> accuracy(std::span<const Architecture> archs) override {
      return std::vector<double>(archs.size(), 0.5);
    }
  };
  LocalityBench bench;
  Flat flat;
  const Objective objective{.target_ms = bench.objective.target_ms, .beta = -0.0};
  Scorer scorer(bench.space, flat, bench.latency, objective);
  const ShrunkRegion shrunk = bench.shrink(bench.full, scorer);
  const auto* left = dynamic_cast<const Subspace*>(shrunk.region.get());
  REQUIRE(left != nullptr);
  CHECK(*left == bench.full);
  CHECK(shrunk.rounds.size() == 2);
  CHECK_FALSE(shrunk.rounds[1].is_kept);

  const Balls balls(bench.space, bench.full, std::vector<Architecture>{bench.space.uniform(0)}, 3);
  const ShrunkRegion again = bench.shrink(balls, scorer);
  CHECK(again.region->log10_size() == balls.log10_size());
  CHECK(bench.stage(again).radius == 3);
}

TEST_CASE("the networks that are scored are different and near the latency budget",
          "[shrink][balls]") {
  LocalityBench bench;
  bench.objective.target_ms = 0.9 * bench.range.fastest_ms + 0.1 * bench.range.slowest_ms;
  Scorer scorer = bench.scorer();
  const ShrunkRegion shrunk = bench.shrink(bench.full, scorer);
  for (const Architecture& arch : bench.evaluator.asked) {
    CHECK(scorer.gap(arch) <= bench.options.latency_tolerance);
  }
  CHECK(latency_range(bench.latency, *shrunk.region).fastest_ms <= bench.objective.target_ms);
  int samples = 0;
  for (const ShrinkRound& round : shrunk.rounds) samples += round.samples;
  CHECK(samples == bench.options.samples * static_cast<int>(shrunk.rounds.size()));
}

TEST_CASE("a region with few networks is scored as a whole", "[shrink][balls]") {
  const SearchSpace space = tiny_space(2);
  FakeEvaluator evaluator(space);
  const FakeLatency latency(space);
  const Objective objective{.target_ms = 1.0, .beta = -1e-9};
  Scorer scorer(space, evaluator, latency, objective);
  Log log{Verbosity::Quiet, false};
  const StopToken stop;
  const ShrunkRegion shrunk = shrink_to_balls(
      Subspace::full(space), {.samples = 1000, .seeds = 1, .latency_tolerance = 100.0}, scorer, 1,
      0, log, stop);
  CHECK(shrunk.rounds[0].samples == 25);  // 5 different choices per layer.
  CHECK(scorer.evaluations() == 25);
  REQUIRE(shrunk.rounds.size() > 1);
  CHECK(shrunk.rounds[1].samples == 9);
}

TEST_CASE("locality shrinking replays from candidates.csv with the same result and no cost",
          "[shrink][balls]") {
  LocalityBench bench;
  Scorer first = bench.scorer();
  const std::string whole = text_of(bench.stage(bench.shrink(bench.full, first)));
  CHECK(first.evaluations() > 0);
  Scorer second = bench.scorer();
  CHECK(text_of(bench.stage(bench.shrink(bench.full, second))) == whole);
  CHECK(second.evaluations() == 0);
  LocalityBench other;
  Scorer third = other.scorer();
  CHECK(text_of(other.stage(other.shrink(other.full, third, 2))) != whole);
}

TEST_CASE("locality shrinking stopped in the middle and resumed equals an uninterrupted run",
          "[shrink][balls]") {
  LocalityBench whole;
  Scorer uninterrupted = whole.scorer();
  const std::string decisions = text_of(whole.stage(whole.shrink(whole.full, uninterrupted)));
  LocalityBench bench;
  int evaluations = 0;
  for (const std::ptrdiff_t limit : {20, 55, 70, -1}) {
    bench.evaluator.interrupt_at = limit;
    Scorer scorer = bench.scorer();
    if (limit >= 0) {
      CHECK(contains(error_of([&] { bench.shrink(bench.full, scorer); }), "interrupted: "));
    } else {
      CHECK(text_of(bench.stage(bench.shrink(bench.full, scorer))) == decisions);
    }
    evaluations += scorer.evaluations();
  }
  CHECK(evaluations == uninterrupted.evaluations());
  CHECK(read_file(bench.folder / "candidates.csv") == read_file(whole.folder / "candidates.csv"));
}

TEST_CASE("a stop request ends locality shrinking before the next networks", "[shrink][balls]") {
  LocalityBench bench;
  Scorer scorer = bench.scorer();
  bench.stop.request();
  CHECK(contains(error_of([&] { bench.shrink(bench.full, scorer); }), "interrupted: "));
  CHECK(scorer.evaluations() == 0);
}

TEST_CASE("stages of locality shrinking start from the balls of the stage before",
          "[shrink][balls]") {
  LocalityBench bench;
  Scorer scorer = bench.scorer();
  ShrinkConfig config;
  config.method = "locality";
  config.samples = 40;
  config.seeds = 5;
  config.stages = {{.radius = 3}, {.radius = 1}};
  const ShrinkTools tools{.scorer = scorer, .seed = 1, .log = bench.log, .stop = bench.stop};
  const Shrinker& locality = find_shrinker("locality");
  const ShrunkRegion first = locality.shrink(bench.full, config, 0, tools);
  const ShrunkRegion second = locality.shrink(*first.region, config, 1, tools);
  CHECK(bench.stage(first).radius == 3);
  CHECK(bench.stage(second).radius == 1);
  CHECK(second.rounds[0].log10_size == first.region->log10_size());
  CHECK(second.region->log10_size() < first.region->log10_size());
  const ShrinkForecast forecast = locality.forecast(config, 1, bench.space, 100.0);
  CHECK(forecast.evaluations == 40 * 6);
  CHECK(forecast.what == "balls of radius 1 around 5 networks");
  CHECK(forecast.log10_size == Approx(std::log10(5.0 * ball_size(bench.space, bench.full, 1))));
  CHECK(second.region->log10_size() <= forecast.log10_size);
  CHECK(contains(error_of([&] {
                   const std::vector<Architecture> list{bench.space.uniform(0)};
                   bench.shrink(ListedNetworks(bench.space, list), scorer);
                 }),
                 "needs a subspace, or balls in one"));
}

TEST_CASE("shrink.json names the balls that are left, so that they can be built again",
          "[shrink][balls]") {
  LocalityBench bench;
  Scorer scorer = bench.scorer();
  const ShrunkRegion shrunk = bench.shrink(bench.full, scorer);
  const ShrinkRecord record{.method = "locality", .stages = {bench.stage(shrunk)}};
  const ShrinkRecord read = read_shrink(to_json(record), "S");
  CHECK(to_json(read) == to_json(record));
  CHECK(read.method == "locality");
  std::vector<Architecture> seeds;
  for (const std::string& seed : read.stages[0].seeds) seeds.push_back(bench.space.decode(seed));
  const Balls again(bench.space, bench.full, seeds, read.stages[0].radius);
  CHECK(again.log10_size() == shrunk.region->log10_size());
  Rng rng(1, "test");
  for (int i = 0; i < 200; ++i) CHECK(again.contains(shrunk.region->sample(rng)));
  CHECK(read.stages[0].best == 20);
  CHECK(read.stages[0].diversity > 0.5);
  CHECK(read.stages[0].diversity < 8.0);
}

TEST_CASE("every search method searches balls and finds networks in them", "[shrink][balls]") {
  LocalityBench bench;
  Scorer scorer = bench.scorer();
  const ShrunkRegion shrunk = bench.shrink(bench.full, scorer);
  for (const SearchMethod& method : search_methods()) {
    CAPTURE(method.name);
    SearchConfig config;
    config.method = std::string(method.name);
    config.population = 20;
    config.generations = 4;
    config.parents = 5;
    const SearchResult found = search(*shrunk.region, scorer, config, 1, bench.log, bench.stop);
    CHECK(found.scored.size() == 100);
    for (const Candidate& candidate : found.scored) {
      CHECK(shrunk.region->contains(candidate.arch));
    }
    CHECK(found.best.score >= shrunk.best[10].score);
  }
}

TEST_CASE("children of evolution in balls are seldom dropped", "[shrink][balls]") {
  LocalityBench bench;
  Scorer scorer = bench.scorer();
  const ShrunkRegion shrunk = bench.shrink(bench.full, scorer);
  const Region& region = *shrunk.region;
  Rng rng(1, "test");
  int inside = 0;
  int unchanged = 0;
  for (int i = 0; i < 1000; ++i) {
    const Genes parent = region.sample(rng);
    const Genes child = region.mutate(region.cross(parent, region.sample(rng), rng), 0.1, rng);
    inside += region.contains(child) ? 1 : 0;
    unchanged += child == parent ? 1 : 0;
  }
  CHECK(inside == 1000);
  CHECK(unchanged < 300);
}
