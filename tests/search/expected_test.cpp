#include "hsconas/search/expected.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"

using namespace hsconas;

TEST_CASE("expected improvement is that of a normal variable", "[search]") {
  CHECK(expected_improvement({.mean = 3.0, .deviation = 0.0}, 1.0) == 2.0);
  CHECK(expected_improvement({.mean = 0.0, .deviation = 0.0}, 1.0) == 0.0);
  CHECK(expected_improvement({.mean = 1.0, .deviation = 2.0}, 1.0) ==
        Approx(2.0 / std::sqrt(2.0 * 3.14159265358979)));
  Rng rng(1, "test");
  double sum = 0.0;
  for (int i = 0; i < 200000; ++i) sum += std::max(0.0, 0.5 + 0.7 * rng.normal() - 1.0);
  CHECK(expected_improvement({.mean = 0.5, .deviation = 0.7}, 1.0) ==
        Approx(sum / 200000.0).epsilon(0.02));
}

TEST_CASE("the probability to be above a bound is that of a normal variable", "[search]") {
  CHECK(probability_above({0.0, 1.0}, 0.0) == 0.5);
  CHECK(probability_above({1.0, 1.0}, 0.0) == Approx(0.84134).epsilon(1e-4));
  CHECK(probability_above({3.0, 2.0}, 5.0) == Approx(0.15866).epsilon(1e-4));
  CHECK(probability_above({1.0, 0.0}, 0.0) == 1.0);
  CHECK(probability_above({-1.0, 0.0}, 0.0) == 0.0);
}

TEST_CASE("normal scores depend on the order of values only", "[search]") {
  const auto scores = normal_scores(std::vector<double>{0.1, 0.9, 0.92, -50.0});
  CHECK(scores == normal_scores(std::vector<double>{2.0, 3.0, 4.0, 1.0}));
  CHECK(scores[3] < scores[0]);
  CHECK(scores[2] == Approx(-scores[3]));
  CHECK(normal_scores(std::vector<double>{5.0, 5.0})[0] == Approx(0.0).margin(1e-6));
}
