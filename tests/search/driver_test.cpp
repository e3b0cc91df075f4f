#include "hsconas/search/driver.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include "catch.hpp"
#include "hsconas/space/network_region.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/grid_region.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

constexpr int kAxes = 6;
constexpr int kValues = 4;

/// The score is the sum of the genes; the last gene says nothing, and the first may not be 3.
class SumProblem : public SearchProblem {
 public:
  const Region& region() const override { return grid_; }
  Genes canonical(const Genes& genes) const override {
    Genes result = genes;
    result.back() = 0;
    return result;
  }
  double violation(const Genes& genes) const override { return genes.front() == 3 ? 1.0 : 0.0; }
  Genes random(Rng& rng) const override {
    Genes genes = grid_.sample(rng);
    while (violation(genes) > 0.0) genes = grid_.sample(rng);
    return genes;
  }
  std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                const SearchFloor& floor) override {
    floors.push_back(floor);
    std::vector<Fitness> fitness;
    for (const Genes& genes : individuals) {
      scored.push_back(genes);
      fitness.push_back({.score = std::accumulate(genes.begin(), genes.end() - 1, 0.0)});
    }
    return fitness;
  }

  std::vector<Genes> first() const override { return beginning; }

  std::vector<Genes> beginning;
  std::vector<Genes> scored;
  std::vector<SearchFloor> floors;

 private:
  GridRegion grid_{kAxes, kValues};
};

/// What the driver asked of a strategy made of functions.
struct Script {
  std::function<std::vector<Genes>(int)> ask = [](int) { return std::vector<Genes>{}; };
  int batch = 5;
  double floor = -std::numeric_limits<double>::infinity();
  std::vector<int> asked;
  std::vector<Individual> told;
};

Script* script = nullptr;

class Scripted : public SearchStrategy {
 public:
  std::vector<Genes> ask(int count) override {
    script->asked.push_back(count);
    return script->ask(count);
  }
  void tell(std::span<const Individual> scored) override {
    script->told.insert(script->told.end(), scored.begin(), scored.end());
  }
  int batch() const override { return script->batch; }
  double floor() const override { return script->floor; }
};

const SearchMethod kScripted{.name = "scripted",
                             .meaning = "of a test",
                             .make = [](const StrategyContext&) -> std::unique_ptr<SearchStrategy> {
                               return std::make_unique<Scripted>();
                             },
                             .evaluations = population_evaluations};

struct Bench {
  SumProblem problem;
  SearchConfig config{.population = 10, .generations = 4, .parents = 3};
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  Script own;

  std::vector<Generation> run(const SearchMethod& method) {
    script = &own;
    Rng rng(1, "test");
    return run_search(problem, method, config, rng,
                      {.label = "test", .score = "score", .log = log, .stop = stop});
  }
};

}  // namespace

TEST_CASE("a strategy that proposes nothing gets random individuals, all different", "[search]") {
  Bench bench;
  const auto history = bench.run(kScripted);
  CHECK(bench.problem.scored.size() == 50);
  CHECK(bench.own.told.size() == 50);
  CHECK(history.size() == 5);
  std::set<Genes> seen;
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK(bench.problem.violation(bench.problem.scored[i]) == 0.0);
    CHECK(seen.insert(bench.problem.canonical(bench.problem.scored[i])).second);
    CHECK(bench.own.told[i].genes == bench.problem.scored[i]);
  }
  CHECK(bench.own.asked == std::vector<int>(10, 5));
}

TEST_CASE("a problem's own beginning is scored first, without what the driver would drop",
          "[search]") {
  Bench bench;
  const std::vector<Genes> good{{2, 1, 1, 1, 1, 0}, {2, 2, 2, 2, 2, 0}, {0, 2, 2, 2, 2, 0},
                                {1, 0, 0, 1, 2, 0}, {1, 1, 0, 1, 2, 0}, {1, 1, 1, 1, 2, 0},
                                {1, 1, 1, 0, 2, 0}};
  bench.problem.beginning = good;
  bench.problem.beginning.insert(bench.problem.beginning.begin() + 1,
                                 {{3, 0, 0, 0, 0, 0}, {2, 1, 1, 1, 1, 3}, {9, 0, 0, 0, 0, 0}});
  bench.run(kScripted);
  CHECK(std::vector(bench.problem.scored.begin(), bench.problem.scored.begin() + 7) == good);
  CHECK(bench.problem.scored.size() == 50);
  CHECK(bench.own.told.size() == 50);
  // The first round was full; of the second, three places were left to the strategy.
  CHECK(bench.own.asked.front() == 3);
}

TEST_CASE("proposals outside the region, outside the limits or known are asked for again",
          "[search]") {
  Bench bench;
  bench.config.generations = 0;
  bench.own.batch = 3;
  const std::vector<Genes> good{{0, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0}, {2, 0, 0, 0, 0, 0}};
  const std::vector<std::vector<Genes>> answers{
      {{9, 0, 0, 0, 0, 0}, good[0], {3, 0, 0, 0, 0, 0}}, {{0, 0, 0, 0, 0, 2}, good[1]}, {good[2]}};
  std::size_t turn = 0;
  bench.own.ask = [&](int) { return turn < 3 ? answers[turn++] : std::vector<Genes>{}; };
  bench.run(kScripted);
  CHECK(std::vector(bench.problem.scored.begin(), bench.problem.scored.begin() + 3) == good);
  CHECK(bench.own.asked == std::vector{3, 2, 1, 3, 3, 1});
}

TEST_CASE("a place for which ten proposals in a row are unusable gets a random individual",
          "[search]") {
  Bench bench;
  bench.config.generations = 0;
  bench.own.batch = 2;
  bench.own.ask = [](int count) {
    return std::vector(static_cast<std::size_t>(count), Genes{9, 9, 9, 9, 9, 9});
  };
  bench.run(kScripted);
  CHECK(bench.problem.scored.size() == 10);
  // 2, 2, 2, 2, 2 proposals give up the first place, then 1 at a time the second.
  const std::vector<int> round{2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  REQUIRE(bench.own.asked.size() == 5 * round.size());
  CHECK(std::equal(round.begin(), round.end(), bench.own.asked.begin()));
}

TEST_CASE("the floor is the strategy's, the best score in the last round, and none at first",
          "[search]") {
  Bench bench;
  bench.config.generations = 1;
  bench.own.batch = 10;
  bench.own.floor = 2.0;
  bench.run(kScripted);
  const auto& floors = bench.problem.floors;
  REQUIRE(floors.size() == 2);
  CHECK(floors[0].score == -std::numeric_limits<double>::infinity());
  CHECK(floors[0].rivals.empty());
  double best = 0.0;
  for (std::size_t i = 0; i < 10; ++i) best = std::max(best, bench.own.told[i].fitness.score);
  CHECK(floors[1].score == best);
  CHECK(floors[1].rivals.size() == 3);

  Bench early;
  early.own.floor = 2.0;
  early.run(kScripted);
  CHECK(early.problem.floors[3].score == 2.0);
  Bench never;
  never.own.floor = std::numeric_limits<double>::infinity();
  never.run(kScripted);
  CHECK(std::isfinite(never.problem.floors[1].score));
}

TEST_CASE("a region that has run out ends the search", "[search]") {
  Bench bench;
  bench.config = {.population = 500, .generations = 5, .parents = 3};
  bench.own.batch = 500;
  const auto history = bench.run(kScripted);
  CHECK(bench.problem.scored.size() <= 3 * 256);
  CHECK(bench.problem.scored.size() > 3 * 256 - 10);
  CHECK(history.size() <= 3);
}

TEST_CASE("every method searches any region, and never leaves it or its limits", "[search]") {
  for (const SearchMethod& method : search_methods()) {
    CAPTURE(method.name);
    Bench bench;
    const auto history = bench.run(method);
    CHECK(static_cast<int>(bench.problem.scored.size()) == method.evaluations(bench.config));
    CHECK(history.back().best_score >= 10.0);
    std::set<Genes> seen;
    for (const Genes& genes : bench.problem.scored) {
      CHECK(bench.problem.region().contains(genes));
      CHECK(bench.problem.violation(genes) == 0.0);
      CHECK(seen.insert(bench.problem.canonical(genes)).second);
    }
    Bench again;
    again.run(method);
    CHECK(again.problem.scored == bench.problem.scored);
  }
}

TEST_CASE("inside the limits precedes outside, then score, then cost count", "[search]") {
  const Fitness good{.violation = 0.0, .score = 0.9, .cost = 2.0};
  CHECK(is_fitter(good, {.violation = 0.1, .score = 0.99}));
  CHECK(is_fitter({.violation = 0.1}, {.violation = 0.2, .score = 1.0}));
  CHECK(is_fitter(good, {.score = 0.8}));
  CHECK(is_fitter(good, {.score = 0.9, .cost = 3.0}));
  CHECK_FALSE(is_fitter(good, good));
  const std::vector<Individual> all{{{0}, {.score = 1.0}},
                                    {{1}, {.score = 3.0}},
                                    {{2}, {.score = 1.0}},
                                    {{3}, {.violation = 1.0, .score = 9.0}}};
  CHECK(fittest(all, 3) == std::vector<std::size_t>{1, 0, 2});
  CHECK(fittest(all, 9).size() == 4);
}

TEST_CASE("names of methods are different words, and each says what it does", "[search]") {
  std::set<std::string_view> names;
  for (const SearchMethod& method : search_methods()) {
    CHECK(names.insert(method.name).second);
    CHECK(&find_search_method(method.name) == &method);
    CHECK(method.meaning.size() > 10);
  }
  CHECK(names.contains("evolution"));
}
