#include "hsconas/search/strategy.hpp"

#include <cstddef>
#include <numeric>
#include <vector>

#include "catch.hpp"
#include "support/grid_region.hpp"

using namespace hsconas;

namespace {

std::size_t changed_genes(const Genes& a, const Genes& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i] ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a neighbour is one step away if that is usable, else a few steps away", "[search]") {
  const GridRegion grid(6, 4);
  const SearchConfig config;
  Rng rng(1, "test");
  StrategyContext context{.region = grid, .config = config, .rng = rng};
  const Genes start(6, 1);
  context.is_usable = [&](const Genes& genes) { return genes != start; };
  for (int i = 0; i < 50; ++i) CHECK(changed_genes(start, context.neighbour(start)) == 1);

  // A budget that is used up exactly: what one gene takes, another one must give.
  const auto cost = [](const Genes& genes) {
    return std::accumulate(genes.begin(), genes.end(), 0);
  };
  context.is_usable = [&](const Genes& genes) {
    return genes != start && cost(genes) == cost(start);
  };
  for (int i = 0; i < 50; ++i) {
    const Genes neighbour = context.neighbour(start);
    CHECK(cost(neighbour) == cost(start));
    CHECK(changed_genes(start, neighbour) == 2);
  }
}

TEST_CASE("without a usable neighbour, some member nearby is proposed", "[search]") {
  const GridRegion grid(6, 4);
  const SearchConfig config;
  Rng rng(1, "test");
  StrategyContext context{.region = grid, .config = config, .rng = rng};
  context.is_usable = [](const Genes&) { return false; };
  const Genes start(6, 1);
  const Genes neighbour = context.neighbour(start);
  CHECK(grid.contains(neighbour));
  CHECK(changed_genes(start, neighbour) <= 3);
}
