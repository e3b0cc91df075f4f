#include <cmath>
#include <memory>
#include <vector>

#include "catch.hpp"
#include "hsconas/search/methods.hpp"
#include "hsconas/space/subspace.hpp"
#include "search/near.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

TEST_CASE("local search tries neighbours, moves to a fitter one and restarts when none is",
          "[search]") {
  const SearchSpace space = tiny_space(6);
  const Subspace region = Subspace::full(space);
  const SearchConfig config{.population = 4, .parents = 1};
  Rng rng(1, "test");
  const auto strategy = find_search_method("local").make({region, config, rng});
  CHECK(strategy->ask(1).empty());
  CHECK(std::isinf(strategy->floor()));
  const Genes start = genes_of(space.uniform(0));
  const Genes better = genes_of(space.uniform(1));
  const auto tell = [&](const Genes& genes, double score) {
    strategy->tell(std::vector<Individual>{{genes, {.score = score}}});
  };
  tell(start, 0.5);
  CHECK(strategy->floor() == 0.5);
  for (const Genes& genes : strategy->ask(20)) CHECK(is_near(start, genes));
  for (int i = 0; i < 3; ++i) tell(better, 0.5);  // Equal is no better.
  for (const Genes& genes : strategy->ask(20)) CHECK(is_near(start, genes));
  tell(better, 0.6);
  CHECK(strategy->floor() == 0.6);
  for (const Genes& genes : strategy->ask(20)) CHECK(is_near(better, genes));
  for (int i = 0; i < 4; ++i) {
    CHECK_FALSE(strategy->ask(1).empty());
    tell(start, 0.1);
  }
  CHECK(strategy->ask(1).empty());
  tell(start, 0.2);
  for (const Genes& genes : strategy->ask(20)) CHECK(is_near(start, genes));
}
