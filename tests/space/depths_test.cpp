#include "hsconas/space/depths.hpp"

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

SpaceDescription description() {
  SpaceDescription space = tiny_description();
  space.stages = {{.layers = 3, .channels = 32, .stride = 2},
                  {.layers = 2, .channels = 64, .stride = 2},
                  {.layers = 1, .channels = 64, .stride = 1}};
  space.operators = {"shuffle_k3", "mbconv_e3_k3"};
  return space;
}

}  // namespace

TEST_CASE("an operator that leaves out a layer is added to a space without one", "[depths]") {
  SpaceDescription space = description();
  CHECK(with_skip(space).operators.back() == "skip");
  space.operators.emplace_back("identity");
  CHECK(with_skip(space).operators.size() == 3);
}

TEST_CASE("shallower versions lack the last layers of each stage that keep the shape", "[depths]") {
  const SearchSpace space(with_skip(description()));
  const Architecture arch = space.uniform(0, 0);
  const auto versions = shallower(space, arch, 2);
  REQUIRE(versions.size() == 2);
  const auto ops = [](const Architecture& version) {
    std::vector<int> list;
    for (const LayerChoice& choice : version) list.push_back(choice.op);
    return list;
  };
  CHECK(ops(versions[0]) == std::vector<int>{0, 0, 2, 0, 2, 2});
  CHECK(ops(versions[1]) == std::vector<int>{0, 2, 2, 0, 2, 2});
  CHECK(space.cost(versions[0]).macs < space.cost(arch).macs);
  CHECK(space.cost(versions[1]).macs < space.cost(versions[0]).macs);
}

TEST_CASE("layers that are left out already do not count", "[depths]") {
  const SearchSpace space(with_skip(description()));
  Architecture arch = space.uniform(0, 0);
  arch[2].op = 2;
  arch[4].op = 2;
  arch[5].op = 2;
  const auto versions = shallower(space, arch, 1);
  CHECK(versions[0][1].op == 2);
  CHECK(versions[0][3].op == 0);
  CHECK(error_of([&] { shallower(space, arch, 2); }) ==
        "usage: 2 shallower versions of " + space.encode(arch) +
            " do not exist: the layers of its stages that keep the shape of their input give 1");
}

TEST_CASE("every shallower version costs less than the one before", "[depths]") {
  const SearchSpace space(with_skip(description()));
  Rng rng(1, "depths");
  for (int i = 0; i < 100; ++i) {
    const Architecture arch = sample(Subspace::full(space), rng);
    std::int64_t macs = space.cost(arch).macs;
    for (int count = 1; error_of([&] { shallower(space, arch, count); }) == "nothing"; ++count) {
      const Architecture version = shallower(space, arch, count).back();
      CHECK(space.cost(version).macs < macs);
      macs = space.cost(version).macs;
    }
  }
}
