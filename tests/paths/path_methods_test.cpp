#include "hsconas/paths/path_methods.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "hsconas/space/balls.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

SpaceDescription description() {
  SpaceDescription space = tiny_description();
  space.widths = {0.25, 0.5, 0.75, 1.0};
  return space;
}

/// The steps of a training with one path method.
struct Steps {
  SearchSpace space{description()};
  Subspace region = Subspace::full(space);
  SupernetConfig settings{};
  std::int64_t total = 100;

  std::vector<TrainedPath> at(std::int64_t step, std::uint64_t seed = 1) const {
    Rng rng(seed, "supernet path", static_cast<std::uint64_t>(step));
    return find_path_method(settings.paths)
        .paths({.region = region,
                .settings = settings,
                .seed = seed,
                .stage = "supernet",
                .step = step,
                .total_steps = total},
               rng);
  }
  std::set<int> widths_at(std::int64_t first, std::int64_t last) const {
    std::set<int> widths;
    for (std::int64_t step = first; step < last; ++step) {
      for (const TrainedPath& path : at(step)) {
        for (const LayerChoice& choice : path.arch) widths.insert(choice.width);
      }
    }
    return widths;
  }
};

Steps steps_of(const char* method) {
  Steps steps;
  steps.settings.paths = method;
  return steps;
}

}  // namespace

TEST_CASE("every path method draws members of the region, alike for the same step", "[paths]") {
  for (const PathMethod& method : path_methods()) {
    Steps steps = steps_of(std::string(method.name).c_str());
    steps.region.ops[1] = {0, 2};
    steps.region.widths[2] = {1, 3};
    INFO(method.name);
    for (std::int64_t step = 0; step < steps.total; ++step) {
      const auto paths = steps.at(step);
      const auto again = steps.at(step);
      REQUIRE_FALSE(paths.empty());
      CHECK(paths.front().taught == 0.0);
      for (std::size_t i = 0; i < paths.size(); ++i) {
        CHECK(steps.region.contains(paths[i].arch));
        CHECK(paths[i].arch == again[i].arch);
      }
    }
  }
}

TEST_CASE("uniform draws the paths that the region samples", "[paths]") {
  const Steps steps = steps_of("uniform");
  Rng rng(1, "supernet path", 7);
  REQUIRE(steps.at(7).size() == 1);
  CHECK(steps.at(7).front().arch == sample(steps.region, rng));
}

TEST_CASE("fair uses every operator of every layer once per step", "[paths]") {
  const Steps steps = steps_of("fair");
  for (std::int64_t step = 0; step < 20; ++step) {
    const auto paths = steps.at(step);
    REQUIRE(paths.size() == 3);
    for (std::size_t layer = 0; layer < 3; ++layer) {
      std::set<int> ops;
      for (const TrainedPath& path : paths) ops.insert(path.arch[layer].op);
      CHECK(ops.size() == 3);
    }
  }
}

TEST_CASE("fair uses the operators of a layer with fewer of them equally often", "[paths]") {
  Steps steps = steps_of("fair");
  steps.region.ops[1] = {0, 2};
  std::map<int, int> uses;
  for (std::int64_t step = 0; step < 600; ++step) {
    for (const TrainedPath& path : steps.at(step)) ++uses[path.arch[1].op];
  }
  REQUIRE(uses.size() == 2);
  CHECK(std::abs(uses[0] - uses[2]) < 90);  // Of 1,800; the deviation is at most 25.
}

TEST_CASE("fair gives an operator each width once in as many steps as there are widths",
          "[paths]") {
  const Steps steps = steps_of("fair");
  for (const std::int64_t first : {0, 4, 40}) {
    std::map<std::pair<std::size_t, int>, std::set<int>> widths;  // By layer and operator.
    for (std::int64_t step = first; step < first + 4; ++step) {
      for (const TrainedPath& path : steps.at(step)) {
        for (std::size_t layer = 0; layer < 3; ++layer) {
          widths[{layer, path.arch[layer].op}].insert(path.arch[layer].width);
        }
      }
    }
    REQUIRE(widths.size() == 9);
    for (const auto& [block, used] : widths) CHECK(used.size() == 4);
  }
}

TEST_CASE("sandwich trains one choice of operators at the extreme and at random widths",
          "[paths]") {
  const Steps steps = steps_of("sandwich");
  std::set<Architecture> random;
  for (std::int64_t step = 0; step < 20; ++step) {
    const auto paths = steps.at(step);
    REQUIRE(paths.size() == 4);
    for (std::size_t i = 0; i < paths.size(); ++i) {
      CHECK(paths[i].taught == (i > 0 ? 1.0 : 0.0));
      for (std::size_t layer = 0; layer < 3; ++layer) {
        CHECK(paths[i].arch[layer].op == paths[0].arch[layer].op);
        CHECK(paths[0].arch[layer].width == 3);
        CHECK(paths[1].arch[layer].width == 0);
      }
    }
    random.insert(paths[2].arch);
    random.insert(paths[3].arch);
  }
  CHECK(random.size() > 30);
}

TEST_CASE("operators_first begins at the largest widths and adds one narrower width after another",
          "[paths]") {
  Steps steps = steps_of("operators_first");
  steps.settings.width_warmup = 0.4;
  CHECK(steps.widths_at(0, 40) == std::set<int>{3});
  CHECK(steps.widths_at(41, 46) == std::set<int>{2, 3});
  CHECK(steps.widths_at(48, 53) == std::set<int>{1, 2, 3});
  CHECK(steps.widths_at(60, 100) == std::set<int>{0, 1, 2, 3});
  for (std::int64_t step = 60; step < 100; ++step) {
    Rng rng(1, "supernet path", static_cast<std::uint64_t>(step));
    CHECK(steps.at(step).front().arch == sample(steps.region, rng));
  }
}

TEST_CASE("operators_first without a warm-up trains all widths, as in tuning", "[paths]") {
  Steps steps = steps_of("operators_first");
  steps.settings.width_warmup = 0.0;
  Rng rng(1, "supernet path", 0);
  CHECK(steps.at(0).front().arch == sample(steps.region, rng));
}

TEST_CASE("the weights of a step are those of its widest paths", "[paths]") {
  const SearchSpace space{description()};
  const auto of = [&](const std::vector<TrainedPath>& paths) {
    return parameters_of_step(space, paths);
  };
  const Architecture wide = space.uniform(0, 3);
  const Architecture narrow = space.uniform(0, 0);
  const Architecture other = space.uniform(1, 3);
  const auto ends = cost_of(space.stem()).parameters() + cost_of(space.head()).parameters();
  CHECK(of({{.arch = wide}}) == space.cost(wide).parameters());
  CHECK(of({{.arch = narrow}, {.arch = wide}}) == of({{.arch = wide}}));
  CHECK(of({{.arch = wide}, {.arch = other}}) ==
        of({{.arch = wide}}) + of({{.arch = other}}) - ends);
}

TEST_CASE("an unknown path method is refused with the names of the others", "[paths]") {
  CHECK(error_of([] { find_path_method("fairly"); }) ==
        "usage: supernet.paths must be one of uniform, fair, sandwich, operators_first, got "
        "\"fairly\"");
}
