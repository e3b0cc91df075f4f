#include <cmath>
#include <vector>

#include "catch.hpp"
#include "hsconas/search/methods.hpp"
#include "support/grid_region.hpp"

using namespace hsconas;

TEST_CASE("the policy draws what scored above the mean more often, and the rest less", "[search]") {
  const GridRegion grid(3, 4);
  const SearchConfig config;
  Rng rng(1, "test");
  const auto strategy = find_search_method("reinforce").make({grid, config, rng});
  CHECK(std::isinf(strategy->floor()));
  const auto share = [&](std::size_t axis, int value) {
    int count = 0;
    for (const Genes& genes : strategy->ask(2000)) count += genes[axis] == value ? 1 : 0;
    return count / 2000.0;
  };
  CHECK(share(0, 2) == Approx(0.25).margin(0.04));
  const Genes good{2, 0, 1};
  const Genes poor{1, 3, 1};
  for (int i = 0; i < 30; ++i) {
    strategy->tell(std::vector<Individual>{{good, {.score = 0.9}}, {poor, {.score = 0.1}}});
  }
  CHECK(strategy->floor() == Approx(0.5).margin(0.1));
  CHECK(share(0, 2) > 0.5);
  CHECK(share(0, 1) < 0.1);
  CHECK(share(1, 0) > 0.5);
}

TEST_CASE("individuals outside the limits teach the policy nothing, and it asks for usable ones",
          "[search]") {
  const GridRegion grid(2, 4);
  const SearchConfig config;
  Rng rng(1, "test");
  StrategyContext context{grid, config, rng};
  context.is_usable = [](const Genes& genes) { return genes[0] == 3; };
  const auto strategy = find_search_method("reinforce").make(context);
  strategy->tell(std::vector<Individual>{{{0, 0}, {.violation = 1.0, .score = 9.0}}});
  CHECK(std::isinf(strategy->floor()));
  for (const Genes& genes : strategy->ask(50)) CHECK(genes[0] == 3);
}
