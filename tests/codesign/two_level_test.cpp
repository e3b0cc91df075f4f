#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "catch.hpp"
#include "codesign/pair_controller.hpp"
#include "pair_bench.hpp"

using namespace hsconas;

namespace {

double share_inside(const PairMethodBench& bench, const CodesignResult& result) {
  const auto inside =
      std::count_if(result.scored.begin(), result.scored.end(),
                    [&](const Pair& pair) { return bench.limits.meets(pair.cost); });
  return static_cast<double>(inside) / static_cast<double>(result.scored.size());
}

/// A controller over all pairs of a bench, within its limits.
struct ControllerBench {
  explicit ControllerBench(PairMethodBench& bench)
      : accuracies(bench.space, bench.evaluator),
        problem{.accuracies = accuracies,
                .costs = *bench.costs,
                .designs = bench.designs,
                .limits = bench.limits,
                .networks = {}},
        archive(problem, 0),
        context{.problem = problem,
                .config = bench.config,
                .search_config = bench.search,
                .seed = 1,
                .log = bench.log,
                .stop = bench.stop,
                .archive = archive,
                .designs = all_of(bench.designs)},
        controller(context) {}

  static std::vector<std::size_t> all_of(const DesignSpace& designs) {
    std::vector<std::size_t> all(designs.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }

  AccuracyCache accuracies;
  CodesignProblem problem;
  PairArchive archive;
  CodesignContext context;
  PairController controller;
};

}  // namespace

TEST_CASE("the reward of a pair weighs its accuracy and the least distance to a limit",
          "[codesign]") {
  CodesignConfig config;
  config.accuracy_weight = 0.25;
  const Limits limits{.ms = 10.0, .energy = 100.0};
  CHECK(pair_reward(config, limits, 0.8, {5.0, 90.0}) == Approx(0.25 * 0.8 + 0.75 * 0.1));
  CHECK(pair_reward(config, limits, 0.8, {12.0, 90.0}) == Approx(0.25 * 0.8 - 0.75 * 0.2));
  CHECK(pair_reward(config, limits, 0.8, {1e3, 90.0}) == Approx(0.25 * 0.8 - 0.75));
  CHECK(pair_reward(config, {}, 0.8, {1e3, 90.0}) == Approx(0.25 * 0.8));
}

TEST_CASE("accuracies count relative to those before, in halves of their standard deviation",
          "[codesign]") {
  AccuracyScale scale;
  CHECK(scale.relative(0.9) == 0.0);
  // Mean 0.91, standard deviation sqrt(0.0002).
  CHECK(scale.relative(0.92) == Approx(0.01 / (2.0 * std::sqrt(0.0002))));
  CHECK(scale.relative(0.91) == Approx(0.0).margin(1e-9));
  CHECK(scale.relative(0.1) > -1.0 - 1e-12);
  AccuracyScale equal;
  CHECK(equal.relative(0.5) == 0.0);
  CHECK(equal.relative(0.5) == 0.0);
}

TEST_CASE("the fast level spares the accuracies of pairs outside the limits", "[codesign]") {
  PairMethodBench bench;
  bench.limits = bench.limits_that_some_meet(0.3);
  const CodesignResult fast = bench.run("two_level");
  CHECK(share_inside(bench, fast) > 0.5);  // All but those of the winner on other designs.
  // Pairs that are costed without an accuracy count as costed, too.
  CHECK(fast.counts.pairs > std::ssize(fast.scored));
  bench.config.fast_tries = 0;
  const CodesignResult flat = bench.run("two_level");
  CHECK(flat.counts.networks == 60);
  CHECK(std::ssize(bench.evaluator.asked) == fast.counts.networks + 60);
  std::size_t outside = 0;
  for (std::size_t i = 0; i < 60; ++i) {
    outside += bench.limits.meets(flat.scored[i].cost) ? 0 : 1;
  }
  CHECK(outside > 20);
}

TEST_CASE("costs alone teach a controller to stay inside the limits", "[codesign]") {
  PairMethodBench bench;
  bench.limits = bench.limits_that_some_meet(0.3);
  ControllerBench of(bench);
  PairController& controller = of.controller;
  const auto inside = [&] {
    int count = 0;
    for (int i = 0; i < 300; ++i) count += controller.draw().is_inside() ? 1 : 0;
    return count;
  };
  const int before = inside();
  for (int step = 0; step < 200; ++step) {
    std::vector<DrawnPair> drawn;
    for (int i = 0; i < 5; ++i) drawn.push_back(controller.draw());
    controller.learn_costs(drawn);
  }
  CHECK(inside() > 3 * before);
  CHECK(bench.evaluator.asked.empty());
}

TEST_CASE("a controller redraws the axes of the phases that it is told to", "[codesign]") {
  PairMethodBench bench;
  ControllerBench of(bench);
  PairController& controller = of.controller;
  CHECK(controller.phases() == std::vector{DesignPhase::Network, DesignPhase::Array,
                                           DesignPhase::Dataflow, DesignPhase::Supply});
  const DrawnPair pair = controller.draw();
  // dataflow, pes, noc_words and offchip_bytes follow the genes of the network.
  const std::size_t first = 2 * static_cast<std::size_t>(bench.space.layers());
  for (const auto& [phase, genes] :
       {std::pair<DesignPhase, std::vector<std::size_t>>{DesignPhase::Array, {1, 3}},
        {DesignPhase::Dataflow, {0}},
        {DesignPhase::Supply, {2}}}) {
    std::set<std::size_t> changed;
    for (int i = 0; i < 100; ++i) {
      const DrawnPair other = controller.redraw(pair, controller.axes_of(phase, phase));
      for (std::size_t gene = 0; gene < pair.genes.size(); ++gene) {
        if (other.genes[gene] != pair.genes[gene]) changed.insert(gene - first);
      }
    }
    CHECK(changed == std::set(genes.begin(), genes.end()));
  }
}

TEST_CASE("every axis of a design is decided in one phase, and an unknown one last", "[codesign]") {
  CHECK(phase_of_axis("pes") == DesignPhase::Array);
  CHECK(phase_of_axis("register_words.weight") == DesignPhase::Array);
  CHECK(phase_of_axis("bits") == DesignPhase::Array);
  CHECK(phase_of_axis("dataflow") == DesignPhase::Dataflow);
  CHECK(phase_of_axis("clock_mhz") == DesignPhase::Supply);
  CHECK(phase_of_axis("noc_words") == DesignPhase::Supply);
  CHECK(phase_of_axis("something new") == DesignPhase::Supply);
}
