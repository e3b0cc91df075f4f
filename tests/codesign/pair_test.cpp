#include "hsconas/codesign/pair.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include "catch.hpp"
#include "hsconas/accel/cost.hpp"
#include "hsconas/accel/model.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

bool dominates(const Pair& a, const Pair& b) {
  return a.accuracy >= b.accuracy && a.cost.ms <= b.cost.ms && a.cost.energy <= b.cost.energy &&
         (a.accuracy > b.accuracy || a.cost.ms < b.cost.ms || a.cost.energy < b.cost.energy);
}

}  // namespace

TEST_CASE("the front holds exactly the pairs that no other one dominates", "[codesign]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed, "front");
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < 120; ++i) {
      // Few values, so that ties of every kind come up.
      pairs.push_back({.network = i,
                       .design = 0,
                       .accuracy = static_cast<double>(rng.below(8)) / 8.0,
                       .cost = {1.0 + static_cast<double>(rng.below(12)),
                                1.0 + static_cast<double>(rng.below(12))}});
    }
    std::set<std::size_t> front;
    for (const Pair& pair : pareto_front(pairs)) front.insert(pair.network);
    for (const Pair& pair : pairs) {
      const bool is_dominated = std::any_of(pairs.begin(), pairs.end(),
                                            [&](const Pair& o) { return dominates(o, pair); });
      const auto equal = std::find_if(pairs.begin(), pairs.end(), [&](const Pair& o) {
        return o.accuracy == pair.accuracy && o.cost.ms == pair.cost.ms &&
               o.cost.energy == pair.cost.energy;
      });
      CHECK(front.contains(pair.network) == (!is_dominated && equal->network == pair.network));
    }
  }
}

TEST_CASE("limits say by how much the one missed most is missed", "[codesign]") {
  CHECK(Limits{}.meets({1e9, 1e30}));
  const Limits limits{.ms = 2.0, .energy = 1000.0};
  CHECK(limits.meets({2.0, 1000.0}));
  CHECK(limits.violation({3.0, 1100.0}) == Approx(0.5));
  CHECK(limits.violation({1.0, 4000.0}) == Approx(3.0));
  // 1e9 pJ in 2 ms: 1 mJ / 2 ms = 500 mW.
  CHECK(power_mw({2.0, 1e9}) == Approx(500.0));
  CHECK(Limits{.power_mw = 250.0}.violation({2.0, 1e9}) == Approx(1.0));
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK(!Limits{}.meets({infinite, infinite}));
  CHECK(limits.str() == "latency <= 2 ms, energy <= 1000");
}

TEST_CASE("the cost table gives the accelerator model's numbers, pair by pair and row by row",
          "[codesign]") {
  const SearchSpace space = tiny_space();
  std::vector<Accelerator> designs;
  for (const char* name : {"kc-p", "x-p", "yr-p", "eyeriss-168", "shidiannao-64"}) {
    designs.push_back(
        load_accelerator(source_folder() / "configs/accelerators" / (std::string(name) + ".json")));
  }
  for (const int batch : {1, 4}) {
    const CostTable table(space, designs, batch);
    std::vector<PairCost> row(designs.size());
    for (std::size_t design = 0; design < designs.size(); ++design) {
      const AcceleratorModel model(space, designs[design], batch);
      Rng rng(1, "cost-table");
      for (int i = 0; i < 20; ++i) {
        const Architecture arch = sample(Subspace::full(space), rng);
        const PairCost cost = table.cost(arch, design);
        table.costs(arch, row);
        CHECK(cost.ms == Approx(model.predict_ms(arch)).epsilon(1e-12));
        CHECK(cost.energy == Approx(model.predict_energy(arch)).epsilon(1e-12));
        CHECK(row[design].ms == cost.ms);
        CHECK(row[design].energy == cost.energy);
      }
    }
  }
}

TEST_CASE("what does not fit a design's buffer costs infinitely much there", "[codesign]") {
  Accelerator small = load_accelerator(source_folder() / "configs/accelerators/kc-p.json");
  small.buffer_bytes = 100;
  const SearchSpace space = tiny_space();
  const CostTable table(space, {&small, 1});
  CHECK(!Limits{}.meets(table.cost(space.uniform(0), 0)));
}

TEST_CASE("the slack is the least distance to a limit relative to it, and negative outside",
          "[codesign]") {
  const double infinite = std::numeric_limits<double>::infinity();
  const Limits limits{.ms = 10.0, .energy = 100.0};
  CHECK(limits.slack({4.0, 90.0}) == Approx(0.1));
  CHECK(limits.slack({9.5, 10.0}) == Approx(0.05));
  CHECK(limits.slack({15.0, 90.0}) == Approx(-0.5));
  CHECK(limits.slack({40.0, 90.0}) == -1.0);
  CHECK(limits.slack({infinite, infinite}) == -1.0);
  CHECK(Limits{.ms = 10.0}.slack({10.0, infinite}) == 0.0);
  CHECK(Limits{}.slack({4.0, 90.0}) == 0.0);
  CHECK(Limits{}.slack({infinite, infinite}) == -1.0);
  // 2e9 pJ in 4 ms are 500 mW.
  CHECK(Limits{.power_mw = 1000.0}.slack({4.0, 2e9}) == Approx(0.5));
}

TEST_CASE("limits raised by the factor that an error names are met", "[codesign]") {
  for (const double ms : {0.1027338, 1.0, 2.5, 3.00004, 1027.34}) {
    CAPTURE(ms);
    const PairCost cost{ms, 1.0};
    const std::string text = describe_excess(cost, {.ms = 1.0 < ms ? 1.0 : ms / 1.00003});
    const double factor = std::stod(text.substr(text.find("limits ") + 7));
    CHECK(Limits{.ms = factor * (1.0 < ms ? 1.0 : ms / 1.00003)}.meets(cost));
    CHECK(factor <= 1.0011 * std::max(ms, 1.00003));
  }
}
