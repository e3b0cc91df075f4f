#include "hsconas/train/gradient_sum.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"

using namespace hsconas;

namespace {

std::vector<std::vector<float>> random_terms(int terms, int places, double deviation) {
  std::vector<std::vector<float>> all;
  Rng rng(static_cast<std::uint64_t>(terms), "terms");
  for (int t = 0; t < terms; ++t) {
    auto& values = all.emplace_back();
    for (int i = 0; i < places; ++i) values.push_back(static_cast<float>(deviation * rng.normal()));
  }
  return all;
}

std::int32_t exponent_of_all(const std::vector<std::vector<float>>& terms) {
  double largest = 0.0;
  for (const auto& values : terms) {
    for (const float value : values) largest = std::max(largest, std::abs(double{value}));
  }
  return exponent_of(largest);
}

}  // namespace

TEST_CASE("an exponent is the smallest whose power of two exceeds the number", "[train]") {
  CHECK(exponent_of(1.0) == 1);
  CHECK(exponent_of(0.999) == 0);
  CHECK(exponent_of(-3.0) == 2);
  CHECK(exponent_of(4.0) == 3);
  CHECK(exponent_of(0.0) < exponent_of(0x1p-149));  // The smallest float.
  CHECK(exponent_of(std::numeric_limits<float>::max()) == 128);
}

TEST_CASE("sums of gradients have the same bits in any order and split", "[train]") {
  for (const int count : {2, 3, 8, 48}) {
    CAPTURE(count);
    const std::size_t places = 1000;
    const auto terms = random_terms(count, static_cast<int>(places), 1e-3);
    const std::int32_t exponent = exponent_of_all(terms);
    std::vector<std::int32_t> forward(places);
    for (const auto& values : terms) add_terms(values, exponent, count, forward);
    // The terms in another order, on two processes.
    std::vector<std::int32_t> one(places);
    std::vector<std::int32_t> two(places);
    for (std::size_t t = terms.size(); t-- > 0;) {
      add_terms(terms[t], exponent, count, t % 2 == 0 ? one : two);
    }
    for (std::size_t i = 0; i < places; ++i) one[i] += two[i];
    CHECK(one == forward);

    std::vector<float> means(places);
    take_means(forward, exponent, count, means);
    for (std::size_t i = 0; i < places; ++i) {
      double exact = 0.0;
      for (const auto& values : terms) exact += double{values[i]} / count;
      // The rounding of the terms, and that of the mean to float.
      const double bound =
          std::ldexp(1.0, exponent - 30) * count + std::ldexp(std::abs(exact), -24);
      REQUIRE(std::abs(exact - double{means[i]}) <= bound);
    }
  }
}

TEST_CASE("very large and very small floats can be summed", "[train]") {
  for (const float value : {3e38F, -3e38F, std::nextafter(1.0F, 0.0F),
                            std::numeric_limits<float>::denorm_min(), 0.0F}) {
    for (const int count : {2, 3, 4, 1000, 1024}) {
      CAPTURE(value, count);
      std::int32_t sum = 0;
      std::int64_t wide = 0;
      for (int i = 0; i < count; ++i) {
        std::int32_t one = 0;
        add_terms({&value, 1}, exponent_of(double{value}), count, {&one, 1});
        wide += one;
        if (std::abs(wide) <= std::int64_t{1} << 30U) sum = static_cast<std::int32_t>(wide);
      }
      CHECK(sum == wide);
      float mean = -1.0F;
      take_means({&sum, 1}, exponent_of(double{value}), count, {&mean, 1});
      CHECK(std::abs(double{mean} - double{value}) <=
            std::abs(double{value}) * std::ldexp(1.0, -18));
    }
  }
}
