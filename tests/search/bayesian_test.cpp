#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "catch.hpp"
#include "hsconas/search/methods.hpp"
#include "support/grid_region.hpp"

using namespace hsconas;

namespace {

double sum_of(const Genes& genes) {
  double sum = 0.0;
  for (const int gene : genes) sum += gene;
  return sum;
}

/// Tells a strategy the scores of `count` random members.
std::set<Genes> tell_some(SearchStrategy& strategy, const Region& region, int count, Rng& rng) {
  std::set<Genes> known;
  while (std::ssize(known) < count) known.insert(region.sample(rng));
  for (const Genes& genes : known) {
    strategy.tell(std::vector<Individual>{{genes, {.score = sum_of(genes)}}});
  }
  return known;
}

}  // namespace

TEST_CASE("strategies with a surrogate start at random, then propose new members inside the limits",
          "[search]") {
  const GridRegion grid(6, 4);
  const SearchConfig config{.parents = 3};
  for (const char* name : {"bayesian", "predictor"}) {
    CAPTURE(name);
    Rng rng(1, "test");
    std::set<Genes> known;
    StrategyContext context{grid, config, rng};
    context.is_usable = [&](const Genes& genes) { return genes[0] != 3 && !known.contains(genes); };
    const auto strategy = find_search_method(name).make(context);
    CHECK(strategy->ask(5).empty());
    CHECK(std::isinf(strategy->floor()));
    known = tell_some(*strategy, grid, 40, rng);
    CHECK(std::isfinite(strategy->floor()));
    const auto proposals = strategy->ask(8);
    REQUIRE(proposals.size() == 8);
    double best = 0.0;
    for (const Genes& genes : known) best = std::max(best, sum_of(genes));
    // The surrogate's own are better than what is known; the rest of the predictor's are not its.
    for (std::size_t i = 0; i < 6; ++i) {
      CHECK(context.is_usable(proposals[i]));
      CHECK(sum_of(proposals[i]) > best - 3.0);
    }
    CHECK(std::set<Genes>(proposals.begin(), proposals.begin() + 6).size() == 6);
  }
}

TEST_CASE("individuals that are the same in effect are one to a surrogate", "[search]") {
  const GridRegion grid(3, 4);
  const SearchConfig config{.parents = 3};
  Rng rng(1, "test");
  std::set<Genes> known;
  StrategyContext context{grid, config, rng};
  // The last gene says nothing.
  context.canonical = [](const Genes& genes) { return Genes{genes[0], genes[1], 0}; };
  context.is_usable = [&](const Genes& genes) { return !known.contains(context.canonical(genes)); };
  const auto strategy = find_search_method("bayesian").make(context);
  for (int i = 0; i < 15; ++i) known.insert({i / 4, i % 4, 0});
  for (const Genes& genes : known) {
    strategy->tell(std::vector<Individual>{{genes, {.score = sum_of(genes)}}});
  }
  // A single network is left, of four spellings.
  const auto proposals = strategy->ask(5);
  // Only the surrogate's own choice is one; the others are drawn without it.
  REQUIRE(proposals.size() == 5);
  CHECK(context.canonical(proposals[0]) == Genes{3, 3, 0});
}

TEST_CASE("a surrogate learns nothing from what is outside the limits", "[search]") {
  const GridRegion grid(4, 4);
  const SearchConfig config{.parents = 3};
  for (const char* name : {"bayesian", "predictor"}) {
    Rng rng(1, "test");
    const auto strategy = find_search_method(name).make({grid, config, rng});
    for (int i = 0; i < 30; ++i) {
      strategy->tell(std::vector<Individual>{{grid.sample(rng), {.violation = 1.0}}});
    }
    CHECK(strategy->ask(5).empty());
    CHECK(std::isinf(strategy->floor()));
  }
}
