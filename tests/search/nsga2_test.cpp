#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "catch.hpp"
#include "hsconas/search/front.hpp"
#include "hsconas/search/methods.hpp"
#include "support/grid_region.hpp"

using namespace hsconas;

namespace {

Individual member(Genes genes, Objectives objectives, double violation = 0.0) {
  return {std::move(genes), {.violation = violation, .objectives = std::move(objectives)}};
}

/// The shares of the parents' values on the first axis among many children.
std::vector<double> ancestry(SearchStrategy& strategy, int values) {
  std::vector<double> shares(static_cast<std::size_t>(values), 0.0);
  for (const Genes& genes : strategy.ask(4000))
    shares[static_cast<std::size_t>(genes[0])] += 1.0 / 4000.0;
  return shares;
}

}  // namespace

TEST_CASE("of parents and children the first fronts survive, then the least crowded", "[search]") {
  // Many axes, so that mutation leaves nearly all of them alone.
  const GridRegion grid(40, 6);
  const SearchConfig config{.population = 3};
  Rng rng(1, "test");
  const auto strategy = find_search_method("nsga2").make({grid, config, rng});
  CHECK(strategy->batch() == 3);
  CHECK(strategy->ask(3).empty());
  CHECK(std::isinf(strategy->floor()));
  const auto genes = [](int value) { return Genes(40, value); };
  strategy->tell(std::vector<Individual>{
      member(genes(0), {0.0, 10.0}), member(genes(1), {5.0, 5.1}), member(genes(2), {6.0, 6.0})});
  // Individual 2 is dominated, but there is room for it.
  CHECK(ancestry(*strategy, 6)[2] > 0.05);
  strategy->tell(std::vector<Individual>{member(genes(3), {10.0, 0.0}),
                                         member(genes(4), {0.5, 9.6}),
                                         member(genes(5), {0.1, 0.1}, 2.0)});
  const auto shares = ancestry(*strategy, 6);
  CHECK(shares[0] > 0.1);
  CHECK(shares[1] > 0.1);
  CHECK(shares[3] > 0.1);
  CHECK(shares[2] < 0.02);
  CHECK(shares[4] < 0.02);  // On the front, but beside another.
  CHECK(shares[5] < 0.02);  // Outside the limits.
}

TEST_CASE("children mix two parents, and one gene is redrawn on average", "[search]") {
  const GridRegion grid(20, 4);
  const SearchConfig config{.population = 2};
  Rng rng(1, "test");
  const auto strategy = find_search_method("nsga2").make({grid, config, rng});
  strategy->tell(
      std::vector<Individual>{member(Genes(20, 0), {0.0, 1.0}), member(Genes(20, 1), {1.0, 0.0})});
  int redrawn = 0;
  int mixed = 0;
  const auto children = strategy->ask(2000);
  for (const Genes& child : children) {
    redrawn +=
        static_cast<int>(std::count_if(child.begin(), child.end(), [](int g) { return g > 1; }));
    mixed += std::count(child.begin(), child.end(), 0) > 5 &&
                     std::count(child.begin(), child.end(), 1) > 5
                 ? 1
                 : 0;
  }
  CHECK(redrawn / 2000.0 == Approx(0.5).margin(0.06));  // Half of the redrawn keep 0 or 1.
  // Two draws of two parents differ half of the time.
  CHECK(mixed / 2000.0 == Approx(0.45).margin(0.06));
}

TEST_CASE("while all are outside the limits the smallest violation wins", "[search]") {
  const GridRegion grid(40, 4);
  const SearchConfig config{.population = 2};
  Rng rng(1, "test");
  const auto strategy = find_search_method("nsga2").make({grid, config, rng});
  strategy->tell(std::vector<Individual>{member(Genes(40, 0), {0.0, 0.0}, 3.0),
                                         member(Genes(40, 1), {1.0, 1.0}, 1.0),
                                         member(Genes(40, 2), {1.0, 1.0}, 2.0)});
  const auto shares = ancestry(*strategy, 4);
  CHECK(shares[0] < 0.02);
  CHECK(shares[1] > shares[2]);
}
