#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/search/methods.hpp"
#include "support/grid_region.hpp"
#include "support/known_table.hpp"
#include "support/temporary_folder.hpp"

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

namespace {

/// All networks of a small cell on a plane: the first two operators tell x, the others y.
struct Plane {
  SearchSpace cell{read_space(small_cell())};
  Subspace all = Subspace::full(cell);
  TemporaryFolder folder;
  std::optional<Embeddings> embeddings;
  SearchConfig config;
  Rng rng{1, "test"};

  Plane() {
    std::string csv = "arch,x,y\n";
    for (const Architecture& arch : enumerate(all)) {
      const Genes genes = genes_of(arch);
      csv += fmt::format("{},{},{}\n", cell.encode(arch), x(genes), y(genes));
    }
    write_file(folder / "plane.csv", csv);
    embeddings = Embeddings::load(cell, folder / "plane.csv");
  }
  int x(const Genes& genes) const { return op(genes, 0) + 3 * op(genes, 1); }
  int y(const Genes& genes) const { return op(genes, 2) + 3 * op(genes, 3); }
  StrategyContext context() {
    StrategyContext context{all, config, rng};
    context.embeddings = &*embeddings;
    return context;
  }

 private:
  static int op(const Genes& genes, std::size_t edge) { return architecture_of(genes)[edge].op; }
};

}  // namespace

TEST_CASE("a policy over embeddings moves to where networks scored above the mean", "[search]") {
  Plane plane;
  const auto strategy = find_search_method("reinforce").make(plane.context());
  const auto means = [&] {
    double x = 0.0;
    double y = 0.0;
    for (const Genes& genes : strategy->ask(2000)) {
      x += plane.x(genes) / 2000.0;
      y += plane.y(genes) / 2000.0;
    }
    return std::pair(x, y);
  };
  const auto [x, y] = means();
  CHECK(x == Approx(4.0).margin(0.2));
  CHECK(y == Approx(4.0).margin(0.2));
  for (int i = 0; i < 30; ++i) {
    const auto asked = strategy->ask(1);
    strategy->tell(std::vector<Individual>{{asked[0], {.score = 1.0 * plane.x(asked[0])}}});
  }
  const auto [right, level] = means();
  CHECK(right > 5.0);
  CHECK(level == Approx(4.0).margin(1.5));
}

TEST_CASE("a policy over embeddings asks for the nearest usable network", "[search]") {
  Plane plane;
  StrategyContext context = plane.context();
  context.is_usable = [&](const Genes& genes) { return plane.x(genes) == 7; };
  const auto strategy = find_search_method("reinforce").make(context);
  double y = 0.0;
  for (const Genes& genes : strategy->ask(500)) {
    CHECK(plane.x(genes) == 7);
    y += plane.y(genes) / 500.0;
  }
  CHECK(y == Approx(4.0).margin(0.4));
  context.is_usable = [](const Genes&) { return false; };
  CHECK(find_search_method("reinforce").make(context)->ask(2).size() == 2);
}
