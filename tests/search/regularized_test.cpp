#include <algorithm>
#include <memory>
#include <vector>

#include "catch.hpp"
#include "hsconas/search/methods.hpp"
#include "hsconas/space/subspace.hpp"
#include "search/near.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

TEST_CASE("aging evolution starts at random, breeds one child at a time and lets the oldest die",
          "[search]") {
  const SearchSpace space = tiny_space(6);
  const Subspace region = Subspace::full(space);
  const SearchConfig config{.population = 3, .parents = 8};
  Rng rng(1, "test");
  const auto strategy = find_search_method("regularized").make({region, config, rng});
  CHECK(strategy->batch() == 3);
  CHECK(strategy->ask(3).empty());
  const Genes best = genes_of(space.uniform(0));
  const Genes good = genes_of(space.uniform(1));
  const Genes poor = genes_of(space.uniform(2));
  strategy->tell(std::vector<Individual>{
      {best, {.score = 0.9}}, {poor, {.score = 0.1}}, {good, {.score = 0.5}}});
  CHECK(strategy->batch() == 1);
  // Eight draws out of three members hit the fittest nearly always.
  int children_of_best = 0;
  for (int i = 0; i < 100; ++i) {
    const auto children = strategy->ask(1);
    REQUIRE(children.size() == 1);
    children_of_best += is_near(best, children[0]) ? 1 : 0;
  }
  CHECK(children_of_best > 85);
  // The fittest is the oldest: it dies.
  strategy->tell(std::vector<Individual>{{poor, {.score = 0.1}}});
  int children_of_good = 0;
  for (int i = 0; i < 100; ++i) {
    const Genes child = strategy->ask(1)[0];
    CHECK_FALSE(is_near(best, child));
    children_of_good += is_near(good, child) ? 1 : 0;
  }
  CHECK(children_of_good > 85);
}
