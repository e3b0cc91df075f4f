#include "hsconas/space/region.hpp"

#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "catch.hpp"
#include "hsconas/space/network_region.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// Every second network of the tiny space, in canonical form.
std::vector<Architecture> some_networks(const SearchSpace& space) {
  std::vector<Architecture> networks;
  int i = 0;
  for (const Architecture& arch : enumerate(Subspace::full(space))) {
    if (space.canonical(arch) == arch && i++ % 2 == 0) networks.push_back(arch);
  }
  return networks;
}

/// What every kind of region promises.
void check_region(const Region& region) {
  const auto axes = region.axes();
  Rng rng(1, "test");
  for (int i = 0; i < 200; ++i) {
    const Genes genes = region.sample(rng);
    REQUIRE(genes.size() == axes.size());
    CHECK(region.contains(genes));
    CHECK(region.mutate(genes, 0.0, rng) == genes);
    for (const Genes& next : {region.mutate(genes, 0.4, rng), region.step(genes, rng)}) {
      CHECK(region.contains(next));
      for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        CHECK(std::count(axes[axis].begin(), axes[axis].end(), next[axis]) == 1);
      }
    }
    CHECK(region.cross(genes, genes, rng) == genes);
  }
  CHECK_FALSE(region.contains({}));
}

}  // namespace

TEST_CASE("samples, mutants and steps of every kind of region stay inside", "[space]") {
  const SearchSpace space = tiny_space();
  Subspace subspace = Subspace::full(space);
  subspace.ops[1] = {0, 2};
  subspace.widths[0] = {1};
  check_region(subspace);
  const ListedNetworks list(space, some_networks(space));
  check_region(list);
  check_region(JoinedRegion(subspace, list));
  check_region(JoinedRegion(Subspace::only({{0, 0}}), subspace));
}

TEST_CASE("a step of a subspace changes one layer, and comes to every neighbour", "[space]") {
  const SearchSpace space = tiny_space();
  const Subspace full = Subspace::full(space);
  const Genes from = genes_of(space.uniform(0));
  Rng rng(1, "test");
  std::set<Genes> reached;
  for (int i = 0; i < 2000; ++i) {
    const Genes to = full.step(from, rng);
    int changed = 0;
    for (std::size_t layer = 0; layer < 3; ++layer) {
      changed += to[2 * layer] != from[2 * layer] || to[2 * layer + 1] != from[2 * layer + 1];
    }
    CHECK(changed <= 1);
    reached.insert(to);
  }
  CHECK(reached.size() == 1 + 3 * (3 * 2 - 1));
}

TEST_CASE("genes and architectures are each other's inverse", "[space]") {
  const Architecture arch{{2, 1}, {0, 0}, {1, 1}};
  CHECK(genes_of(arch) == Genes{2, 1, 0, 0, 1, 1});
  CHECK(architecture_of(genes_of(arch)) == arch);
}

TEST_CASE("a list of networks holds what computes the same as one of them", "[space]") {
  const SearchSpace space = tiny_space(1);
  const ListedNetworks list(space, std::vector<Architecture>{{{2, 1}}, {{0, 0}}});
  CHECK(list.contains(Architecture{{2, 1}}));
  CHECK(list.contains(Architecture{{2, 0}}));  // A skip has no width.
  CHECK_FALSE(list.contains(Architecture{{0, 1}}));
  CHECK_FALSE(list.contains(Architecture{{0, 0}, {0, 0}}));
  CHECK(std::pow(10.0, list.log10_size()) == Approx(2.0));
  CHECK(list.ops_at(0) == std::vector{0, 2});
  const auto extremes = list.extremes([](const Architecture& arch) { return 1.0 - arch[0].op; });
  CHECK(extremes.least == Architecture{{2, 1}});
  CHECK(extremes.greatest == Architecture{{0, 0}});
}

TEST_CASE("a joined region changes only what has more than one member", "[space]") {
  const SearchSpace space = tiny_space(1);
  const Subspace one = Subspace::only({{1, 1}, {0, 0}});
  const Subspace full = Subspace::full(space);
  const JoinedRegion joined(one, full);
  CHECK(joined.axes().size() == 6);
  CHECK(std::pow(10.0, joined.log10_size()) == Approx(6.0));
  Rng rng(1, "test");
  std::set<Genes> seen;
  const Genes from = joined.sample(rng);
  for (int i = 0; i < 200; ++i) {
    const Genes to = joined.step(from, rng);
    CHECK(joined.first_of(to) == joined.first_of(from));
    seen.insert(joined.second_of(to));
  }
  CHECK(seen.size() == 6);
  const JoinedRegion fixed(one, one);
  CHECK(fixed.step(fixed.sample(rng), rng) == fixed.sample(rng));
}
