#include "hsconas/score/target.hpp"

#include "catch.hpp"
#include "support/errors.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

TEST_CASE("missing the target on either side costs the same, and more the further", "[score]") {
  Rng rng(1, "test");
  for (int trial = 0; trial < 200; ++trial) {
    const Objective objective{.target_ms = rng.uniform(0.1, 50.0), .beta = -rng.uniform(0.01, 2.0)};
    const double near = rng.uniform(0.0, 0.5);
    const double far = near + rng.uniform(0.001, 0.4);
    const auto at = [&](double offset) {
      return objective.score(0.7, objective.target_ms * (1.0 + offset));
    };
    CHECK(at(near) == Approx(at(-near)));
    CHECK(at(far) < at(near));
    CHECK(at(-far) < at(-near));
  }
  const Objective objective{.target_ms = 10.0, .beta = -0.5};
  CHECK(objective.score(0.7, 10.0) == 0.7);
  CHECK(objective.score(0.7, 12.0) == Approx(0.7 - 0.5 * 0.2));
}

TEST_CASE("a target below the fastest network is infeasible and says what is possible", "[score]") {
  const SearchSpace space = tiny_space();
  const FakeLatency model(space);
  const Subspace full = Subspace::full(space);
  const LatencyRange range = latency_range(model, full);
  const auto message = [&](double target_ms, double tolerance) {
    return error_of([&] { check_target(model, full, {.target_ms = target_ms}, tolerance); });
  };
  CHECK(message(0.5, 0.0) ==
        "infeasible: no architecture meets latency.target_ms 0.5: the fastest possible takes "
        "1.063 ms, the slowest 1.3 ms");
  CHECK(message(range.fastest_ms * 0.99, 0.0) != "nothing");
  CHECK(message(range.fastest_ms * 0.99, 0.05) == "nothing");
  CHECK(message(range.fastest_ms, 0.0) == "nothing");
  CHECK(message(range.slowest_ms * 10.0, 0.0) == "nothing");
}

TEST_CASE("the tolerance widens by the gap that no network can avoid", "[score]") {
  const SearchSpace space = tiny_space();
  const FakeLatency model(space);
  const Subspace full = Subspace::full(space);
  const LatencyRange range = latency_range(model, full);
  const auto widened = [&](double target_ms) {
    return widened_tolerance(model, full, {.target_ms = target_ms}, 0.05);
  };
  CHECK(widened((range.fastest_ms + range.slowest_ms) / 2.0) == 0.05);
  CHECK(widened(2.0 * range.slowest_ms) == Approx(0.55));
  CHECK(widened(range.fastest_ms / 1.02) == Approx(0.07));
}

TEST_CASE("a latency table that predicts no time is refused, whatever the target", "[score]") {
  const auto message = [](double target_ms, const LatencyRange& range) {
    Config config;
    config.latency.target_ms = target_ms;
    config.latency.target_position = 0.35;
    return error_of([&] { objective_of(config, range); });
  };
  const LatencyRange none;
  const std::string refused =
      "data: the latency table predicts 0 ms for the fastest network and 0 ms for the slowest one, "
      "so it cannot guide a search: remove it, and measure again on an idle machine or with more "
      "latency.bias_networks";
  CHECK(message(0.0, none) == refused);
  CHECK(message(2.0, none) == refused);
  LatencyRange some;
  some.slowest_ms = 4.0;
  CHECK(message(0.0, some) == "nothing");
  CHECK(message(2.0, some) == "nothing");
}
