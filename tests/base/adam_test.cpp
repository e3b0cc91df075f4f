#include "hsconas/base/adam.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("the first step of Adam is the rate against the sign of the gradient", "[base]") {
  Adam adam;
  std::vector<double> values{1.0, 2.0, 3.0};
  adam.descend(values, std::vector{4.0, -0.01, 0.0}, 0.5);
  CHECK(values[0] == Approx(0.5));
  CHECK(values[1] == Approx(2.5));
  CHECK(values[2] == 3.0);
}

TEST_CASE("the second step of Adam weighs both gradients as its authors say", "[base]") {
  Adam adam;
  std::vector<double> values{0.0};
  adam.descend(values, std::vector{1.0}, 1.0);
  adam.descend(values, std::vector{-3.0}, 1.0);
  const double first = (0.9 * 0.1 * 1.0 + 0.1 * -3.0) / (1.0 - 0.9 * 0.9);
  const double second = (0.999 * 0.001 * 1.0 + 0.001 * 9.0) / (1.0 - 0.999 * 0.999);
  CHECK(values[0] == Approx(-1.0 - first / std::sqrt(second)));
}

TEST_CASE("Adam finds the lowest point of a parabola", "[base]") {
  Adam adam;
  std::vector<double> values{5.0, -5.0};
  for (int step = 0; step < 2000; ++step) {
    const std::vector gradient{values[0] - 1.0, 100.0 * (values[1] - 2.0)};
    adam.descend(values, gradient, 0.02);
  }
  CHECK(values[0] == Approx(1.0).margin(0.01));
  CHECK(values[1] == Approx(2.0).margin(0.01));
}
