#include <cmath>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "catch.hpp"
#include "hsconas/search/methods.hpp"
#include "hsconas/search/search.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/grid_region.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

constexpr Controller kControllers[] = {Controller::Softmax, Controller::Recurrent};

SearchConfig reinforce_config(Controller controller) {
  SearchConfig config;
  config.method = "reinforce";
  config.controller = controller;
  return config;
}

/// Every second value of a grid, so that values and the numbers of choices differ.
class EvenRegion : public GridRegion {
 public:
  using GridRegion::GridRegion;
  std::vector<std::vector<int>> axes() const override {
    auto axes = GridRegion::axes();
    for (auto& values : axes) std::erase_if(values, [](int value) { return value % 2 != 0; });
    return axes;
  }
};

}  // namespace

TEST_CASE("the policy draws what scored above the mean more often, and the rest less", "[search]") {
  for (const Controller controller : kControllers) {
    CAPTURE(word_of(controller));
    const GridRegion grid(3, 4);
    SearchConfig config = reinforce_config(controller);
    config.controller_lr = 0.05;
    Rng rng(1, "test");
    const auto strategy = find_search_method("reinforce").make({grid, config, rng});
    CHECK(std::isinf(strategy->floor()));
    const auto share = [&](std::size_t axis, int value) {
      int count = 0;
      for (const Genes& genes : strategy->ask(2000)) count += genes[axis] == value ? 1 : 0;
      return count / 2000.0;
    };
    CHECK(share(0, 2) == Approx(0.25).margin(0.06));
    const Genes good{2, 0, 1};
    const Genes poor{1, 3, 1};
    for (int i = 0; i < 30; ++i) {
      strategy->tell(std::vector<Individual>{{good, {.score = 0.9}}, {poor, {.score = 0.1}}});
    }
    strategy->ask(1);
    CHECK(strategy->floor() == Approx(0.5).margin(0.1));
    CHECK(share(0, 2) > 0.5);
    CHECK(share(0, 1) < 0.1);
    CHECK(share(1, 0) > 0.5);
  }
}

TEST_CASE("individuals outside the limits teach the policy nothing, and it asks for usable ones",
          "[search]") {
  for (const Controller controller : kControllers) {
    const GridRegion grid(2, 4);
    const SearchConfig config = reinforce_config(controller);
    Rng rng(1, "test");
    StrategyContext context{grid, config, rng};
    context.is_usable = [](const Genes& genes) { return genes[0] == 3; };
    const auto strategy = find_search_method("reinforce").make(context);
    strategy->tell(std::vector<Individual>{{{0, 0}, {.violation = 1.0, .score = 9.0}}});
    CHECK(std::isinf(strategy->floor()));
    for (const Genes& genes : strategy->ask(50)) CHECK(genes[0] == 3);
  }
}

TEST_CASE("values that a region does not allow are never drawn, however the policy learns",
          "[search]") {
  for (const Controller controller : kControllers) {
    const EvenRegion region(3, 6);
    SearchConfig config = reinforce_config(controller);
    config.controller_lr = 0.02;
    Rng rng(1, "test");
    const auto strategy = find_search_method("reinforce").make({region, config, rng});
    std::set<int> drawn;
    for (int round = 0; round < 200; ++round) {
      for (const Genes& genes : strategy->ask(5)) {
        for (const int gene : genes) CHECK(gene % 2 == 0);
        drawn.insert(genes.begin(), genes.end());
        strategy->tell(std::vector<Individual>{{genes, {.score = genes[0] == 4 ? 1.0 : 0.0}}});
      }
    }
    CHECK(drawn == std::set<int>{0, 2, 4});
    int hits = 0;
    for (const Genes& genes : strategy->ask(100)) hits += genes[0] == 4 ? 1 : 0;
    CHECK(hits > 80);
  }
}

TEST_CASE("a search with a recurrent controller that is stopped continues to the same result",
          "[search]") {
  const SearchSpace space = shipped_space("fashion-28");
  const Subspace region = Subspace::full(space);
  const FakeLatency latency(space);
  const LatencyRange range = latency_range(latency, region);
  const Objective objective{.target_ms = 0.5 * (range.fastest_ms + range.slowest_ms), .beta = -0.3};
  SearchConfig config = reinforce_config(Controller::Recurrent);
  config.controller_entropy = 0.001;
  config.population = 20;
  config.generations = 4;
  config.parents = 5;
  const TemporaryFolder folder;
  Log log{Verbosity::Quiet, false};
  const auto run = [&](FakeEvaluator& evaluator, const char* csv) {
    Scorer scorer(space, evaluator, latency, objective, folder / csv);
    return search(region, scorer, config, 1, log, StopToken()).scored;
  };
  FakeEvaluator whole_evaluator(space);
  const auto whole = run(whole_evaluator, "whole.csv");
  REQUIRE(whole.size() == 100);
  FakeEvaluator evaluator(space);
  for (const std::ptrdiff_t limit : {7, 33, 62}) {
    evaluator.interrupt_at = limit;
    CHECK(contains(error_of([&] { run(evaluator, "stopped.csv"); }), "interrupted: "));
  }
  evaluator.interrupt_at = -1;
  const auto resumed = run(evaluator, "stopped.csv");
  REQUIRE(resumed.size() == whole.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK(resumed[i].arch == whole[i].arch);
    CHECK(resumed[i].score == whole[i].score);
  }
}
