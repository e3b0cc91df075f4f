#include "hsconas/int8/activation_scale.hpp"

#include <cmath>
#include <limits>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "support/errors.hpp"

using namespace hsconas;

TEST_CASE("a rounded value differs by at most half a step, and 0 is exact, for any range",
          "[int8]") {
  Rng rng(1, "ranges");
  for (int trial = 0; trial < 2000; ++trial) {
    // Ranges of all sizes, on one side of 0 or around it.
    const double size = std::pow(10.0, rng.uniform(-12.0, 12.0));
    const double low = size * rng.uniform(-1.0, 0.7);
    const double high = low + size * rng.uniform();
    const ActivationScale scale = activation_scale(low, high);
    CHECK(scale.zero_point >= 0);
    CHECK(scale.zero_point <= kLargestActivation);
    CHECK(scale.real(scale.integer(0.0F)) == 0.0F);
    for (int i = 0; i < 20; ++i) {
      const auto value = static_cast<float>(rng.uniform(low, high));
      const double error = std::abs(double{scale.real(scale.integer(value))} - double{value});
      // The zero point is rounded as well, which moves an end of the range by half a step.
      const bool is_inside = value >= scale.real(0) && value <= scale.real(kLargestActivation);
      CHECK(error <= (is_inside ? 0.5001 : 1.0001) * double{scale.scale});
    }
  }
}

TEST_CASE("the scale of a range uses all 256 integers", "[int8]") {
  const ActivationScale positive = activation_scale(0.0, 5.1);
  CHECK(positive.zero_point == 0);
  CHECK(positive.scale == Approx(0.02));
  CHECK(positive.integer(5.1F) == 255);
  CHECK(positive.integer(7.0F) == 255);
  CHECK(positive.integer(-1.0F) == 0);
  CHECK(activation_scale(2.0, 5.1) == positive);  // 0 is part of each range.
  const ActivationScale both = activation_scale(-2.0, 1.0);
  CHECK(both.zero_point == 170);
  CHECK(both.integer(-2.0F) == 0);
  CHECK(both.integer(1.0F) == 255);
  CHECK(activation_scale(-4.0, -2.0).zero_point == 255);
}

TEST_CASE("halves are rounded to the even integer, as QuantizeLinear does", "[int8]") {
  const ActivationScale scale{.scale = 2.0F, .zero_point = 10};
  CHECK(scale.integer(1.0F) == 10);
  CHECK(scale.integer(3.0F) == 12);
  CHECK(scale.integer(5.0F) == 12);
  CHECK(scale.integer(-3.0F) == 8);
}

TEST_CASE("a range of nothing but 0 and the tiniest ranges have a usable scale", "[int8]") {
  CHECK(activation_scale(0.0, 0.0) == ActivationScale{});
  const ActivationScale tiny = activation_scale(0.0, 1e-40);
  CHECK(tiny.scale == kFinestScale);
  CHECK(tiny.integer(1e-40F) == 0);
}

TEST_CASE("a range that is not finite or has no order is an error", "[int8]") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& [low, high] : {std::pair(-infinity, 1.0), std::pair(0.0, std::nan("")),
                                  std::pair(infinity, -infinity), std::pair(2.0, 1.0)}) {
    CHECK(contains(error_of([&] { activation_scale(low, high); }), "have no int8 form"));
  }
}
