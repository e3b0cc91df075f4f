#include "hsconas/space/balls.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "catch.hpp"
#include "hsconas/space/region.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// `count` different random members of `within`.
std::vector<Architecture> random_seeds(const SearchSpace& space, const Subspace& within, int count,
                                       std::uint64_t seed) {
  Rng rng(seed, "seeds");
  std::vector<Architecture> seeds;
  std::set<Architecture> known;
  while (std::ssize(seeds) < count) {
    Architecture arch = sample(within, rng);
    if (known.insert(space.canonical(arch)).second) seeds.push_back(std::move(arch));
  }
  return seeds;
}

int distance(const SearchSpace& space, const Architecture& a, const Architecture& b) {
  return static_cast<int>(std::lround(mean_distance(space, std::vector<Architecture>{a, b})));
}

bool is_near_one(const SearchSpace& space, const Architecture& arch,
                 const std::vector<Architecture>& seeds, int radius) {
  return std::any_of(seeds.begin(), seeds.end(), [&](const Architecture& seed) {
    return distance(space, arch, seed) <= radius;
  });
}

/// Balls in a tiny space, with a subspace that leaves out some choices, or the whole.
struct Case {
  SearchSpace space;
  Subspace within;
  std::vector<Architecture> seeds;
  int radius;
  Balls balls{space, within, seeds, radius};
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int layers : {2, 4}) {
    for (const int radius : {1, 2}) {
      for (const int seeds : {1, 3}) {
        for (const bool is_whole : {true, false}) {
          const SearchSpace space = tiny_space(layers);
          Subspace within = Subspace::full(space);
          if (!is_whole) {
            within.ops[0] = {1};
            within.widths[0] = {0};
            within.ops[1] = {0, 2};
          }
          auto chosen = random_seeds(space, within, seeds, static_cast<std::uint64_t>(layers));
          all.push_back({space, within, std::move(chosen), radius});
        }
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("balls hold exactly the networks of the subspace near a seed, in canonical form",
          "[space][balls]") {
  for (const Case& c : cases()) {
    CAPTURE(c.space.layers(), c.radius, c.seeds.size());
    for (const Architecture& arch : enumerate(Subspace::full(c.space))) {
      CHECK(c.balls.contains(arch) ==
            (c.within.contains(arch) && is_near_one(c.space, arch, c.seeds, c.radius)));
    }
    CHECK_FALSE(c.balls.contains(Genes{0, 0}));
  }
}

TEST_CASE("balls know their number of different networks", "[space][balls]") {
  for (const Case& c : cases()) {
    std::set<Architecture> members;
    std::set<Architecture> of_first;
    for (const Architecture& arch : enumerate(c.within)) {
      if (c.balls.contains(arch)) members.insert(c.space.canonical(arch));
      if (distance(c.space, arch, c.seeds[0]) <= c.radius) {
        of_first.insert(c.space.canonical(arch));
      }
    }
    CHECK(std::pow(10.0, c.balls.log10_size()) == Approx(members.size()));
    CHECK(c.balls.size().relative_error == 0.0);
    CHECK(ball_size(c.space, c.within, c.radius) == Approx(of_first.size()));
  }
}

TEST_CASE("a ball of HSCoNAS's space A holds 801 different networks at distance 1",
          "[space][balls]") {
  const SearchSpace space = shipped_space("hsconas-a");
  const Subspace full = Subspace::full(space);
  // 20 layers with 4 x 10 + 1 choices, as a skip has no width; narrow layers merge some widths.
  CHECK(ball_size(space, full, 1) <= 801.0);
  CHECK(ball_size(space, full, 1) > 700.0);
  const Balls far(space, full, random_seeds(space, full, 5, 1), 3);
  // Random networks differ in most of their 20 layers, so these balls do not overlap.
  CHECK(far.size().relative_error == 0.0);
  CHECK(std::pow(10.0, far.log10_size()) == Approx(5.0 * ball_size(space, full, 3)));
}

TEST_CASE("the size of large balls that overlap is estimated within its error bar",
          "[space][balls]") {
  const SearchSpace space = shipped_space("hsconas-a");
  const Subspace full = Subspace::full(space);
  std::vector<Architecture> seeds = random_seeds(space, full, 1, 1);
  // Two balls around networks that differ in one layer. With n - 1 other choices per layer, a
  // network at distance 2 from the first lies in the second, too, if it has that layer's choice of
  // the second or differs there from both.
  seeds.push_back(seeds[0]);
  seeds[1][10].op = (seeds[0][10].op + 1) % 4;
  REQUIRE(distance(space, seeds[0], seeds[1]) == 1);
  const Balls one(space, full, std::span(seeds).first(1), 3);
  const Balls two(space, full, seeds, 3);
  CHECK(one.size().relative_error == 0.0);
  REQUIRE(two.size().relative_error > 0.0);
  CHECK(two.size().relative_error < 0.02);
  // Members of one ball alone have 3 changes besides layer 10: the sizes without layer 10 differ.
  Subspace rest = full;
  rest.ops[10] = {seeds[0][10].op};
  rest.widths[10] = {seeds[0][10].width};
  const double only_one = ball_size(space, rest, 3) - ball_size(space, rest, 2);
  const double exact = ball_size(space, full, 3) + only_one;
  CHECK(std::abs(std::pow(10.0, two.log10_size()) / exact - 1.0) < 4.0 * two.size().relative_error);
  CHECK(Balls(space, full, seeds, 3).log10_size() == two.log10_size());
}

TEST_CASE("samples, mutants, steps and children of balls stay inside, and all members occur",
          "[space][balls]") {
  for (const Case& c : cases()) {
    Rng rng(1, "test");
    std::set<Architecture> seen;
    std::set<Architecture> members;
    for (const Architecture& arch : enumerate(c.within)) {
      if (c.balls.contains(arch)) members.insert(c.space.canonical(arch));
    }
    for (int i = 0; i < 3000; ++i) {
      const Genes genes = c.balls.sample(rng);
      const Genes other = c.balls.sample(rng);
      REQUIRE(c.balls.contains(genes));
      REQUIRE(c.balls.contains(c.balls.mutate(genes, 0.5, rng)));
      REQUIRE(c.balls.contains(c.balls.step(genes, rng)));
      REQUIRE(c.balls.contains(c.balls.cross(genes, other, rng)));
      CHECK(c.balls.mutate(genes, 0.0, rng) == genes);
      CHECK(c.balls.cross(genes, genes, rng) == genes);
      seen.insert(c.space.canonical(architecture_of(genes)));
    }
    if (members.size() < 60) CHECK(seen == members);
  }
}

TEST_CASE("steps lead from every member of a ball to every other", "[space][balls]") {
  for (const Case& c : cases()) {
    if (c.seeds.size() > 1) continue;
    Rng rng(1, "test");
    std::set<Architecture> reached;
    Genes genes = c.balls.sample(rng);
    for (int i = 0; i < 20000; ++i) {
      genes = c.balls.step(genes, rng);
      reached.insert(c.space.canonical(architecture_of(genes)));
    }
    CHECK(std::pow(10.0, c.balls.log10_size()) == Approx(reached.size()));
  }
}

TEST_CASE("the fastest and the slowest network of balls are those of all members",
          "[space][balls]") {
  for (const Case& c : cases()) {
    const FakeLatency latency(c.space);
    const auto cost = [&](const Architecture& arch) { return latency.predict_ms(arch); };
    double least = 1e300;
    double greatest = -1e300;
    for (const Architecture& arch : enumerate(c.within)) {
      if (!c.balls.contains(arch)) continue;
      least = std::min(least, cost(arch));
      greatest = std::max(greatest, cost(arch));
    }
    const auto extremes = c.balls.extremes(cost);
    CHECK(c.balls.contains(extremes.least));
    CHECK(c.balls.contains(extremes.greatest));
    CHECK(cost(extremes.least) == Approx(least));
    CHECK(cost(extremes.greatest) == Approx(greatest));
  }
}

TEST_CASE("a seed that is given twice counts once, whatever its width where it has none",
          "[space][balls]") {
  const SearchSpace space = tiny_space(2);
  const std::vector<Architecture> seeds{{{2, 0}, {0, 1}}, {{2, 1}, {0, 1}}, {{0, 1}, {0, 1}}};
  const Balls balls(space, Subspace::full(space), seeds, 1);
  CHECK(balls.seeds() == std::vector<Architecture>{{{2, 1}, {0, 1}}, {{0, 1}, {0, 1}}});
  CHECK(balls.radius() == 1);
}

TEST_CASE("the mean distance of networks ignores widths that make no difference",
          "[space][balls]") {
  const SearchSpace space = tiny_space(2);
  CHECK(mean_distance(space, {}) == 0.0);
  CHECK(mean_distance(space, std::vector<Architecture>{{{0, 0}, {0, 0}}}) == 0.0);
  // Distances 0, 1 and 1.
  const std::vector<Architecture> three{{{2, 0}, {0, 1}}, {{2, 1}, {0, 1}}, {{2, 1}, {0, 0}}};
  CHECK(mean_distance(space, three) == Approx(2.0 / 3.0));
}
