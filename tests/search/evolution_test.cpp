#include <memory>
#include <vector>

#include "catch.hpp"
#include "hsconas/search/methods.hpp"
#include "support/grid_region.hpp"

using namespace hsconas;

TEST_CASE("evolution breeds until a child is inside the limits and unknown", "[search]") {
  const GridRegion grid(8, 4);
  const SearchConfig config{.population = 20, .parents = 2, .mutation_probability = 0.1};
  Rng rng(1, "test");
  StrategyContext context{.region = grid, .config = config, .rng = rng};
  // Of all children, one in dozens changes the last gene only.
  const Genes parent(8, 1);
  context.is_usable = [&](const Genes& genes) {
    Genes back = genes;
    back.back() = 1;
    return genes != parent && back == parent;
  };
  const auto strategy = find_search_method("evolution").make(context);
  CHECK(strategy->ask(20).empty());
  strategy->tell(std::vector<Individual>{{parent, {.score = 0.5}}, {parent, {.score = 0.4}}});
  int usable = 0;
  for (const Genes& child : strategy->ask(100)) usable += context.is_usable(child) ? 1 : 0;
  CHECK(usable > 90);
}
