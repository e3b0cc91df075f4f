#include "hsconas/int8/integer_weights.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "support/errors.hpp"

using namespace hsconas;

namespace {

constexpr ActivationScale kInput{.scale = 0.05F, .zero_point = 3};

std::vector<float> normal_values(std::size_t count, double size, Rng& rng) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(size * rng.normal()));
  return values;
}

}  // namespace

TEST_CASE("a weight of any number of bits is rounded by at most half a step, its bias likewise",
          "[int8]") {
  Rng rng(2, "weights");
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t channels = 1 + rng.index(6);
    const std::size_t fan_in = 1 + rng.index(30);
    const int bits = 2 + static_cast<int>(rng.index(7));
    const auto values =
        normal_values(channels * fan_in, std::pow(10.0, rng.uniform(-6.0, 3.0)), rng);
    const auto bias = normal_values(channels, 0.1, rng);
    const IntegerWeights weights = quantise_weights({values, bias}, channels, kInput, bits);
    REQUIRE(weights.channels() == channels);
    CHECK(weights.bits == bits);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double scale = double{weights.scales[i / fan_in]};
      CHECK(std::abs(weights.values[i]) <= largest_weight(bits));
      CHECK(std::abs(scale * weights.values[i] - double{values[i]}) <= 0.5001 * scale);
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const double step = double{weights.scales[c]} * double{kInput.scale};
      CHECK(std::abs(step * weights.bias[c] - double{bias[c]}) <=
            0.5001 * step + 1e-6 * std::abs(double{bias[c]}));
    }
  }
}

TEST_CASE("each channel has its own scale, set by its largest weight", "[int8]") {
  const std::vector<float> values{0.5F, -1.27F, 0.0F, 100.0F, 25.0F, -127.0F};
  const IntegerWeights weights = quantise_weights({values, {}}, 2, kInput);
  CHECK(weights.scales[0] == Approx(0.01));
  CHECK(weights.scales[1] == Approx(1.0));
  CHECK(weights.values == std::vector<std::int8_t>{50, -127, 0, 100, 25, -127});
  CHECK(weights.bias.empty());
}

TEST_CASE("a constant channel is exact, and one of zeros stays zeros", "[int8]") {
  const std::vector<float> values{0.3F, 0.3F, -2.0F, -2.0F, 0.0F, 0.0F};
  for (const int bits : {4, 8}) {
    const IntegerWeights weights = quantise_weights({values, {}}, 3, kInput, bits);
    const auto largest = static_cast<std::int8_t>(largest_weight(bits));
    const auto smallest = static_cast<std::int8_t>(-largest);
    CHECK(weights.values == std::vector<std::int8_t>{largest, largest, smallest, smallest, 0, 0});
    CHECK(weights.scales[0] * static_cast<float>(largest) == Approx(0.3));
    CHECK(weights.scales[2] == 1.0F);
  }
}

TEST_CASE("a bias that 32 bits cannot hold beside tiny weights makes their scale coarser",
          "[int8]") {
  const std::vector<float> values{1e-12F, 0.0F};
  const std::vector<float> bias{3.0F, -4.0F};
  const IntegerWeights weights = quantise_weights({values, bias}, 2, kInput);
  for (std::size_t c = 0; c < 2; ++c) {
    const double step = double{weights.scales[c]} * double{kInput.scale};
    CHECK(step * weights.bias[c] == Approx(double{bias[c]}));
    CHECK(weights.values[c] == 0);
  }
}

TEST_CASE("other numbers of bits, and weights that are not finite, are errors", "[int8]") {
  const std::vector<float> values{1.0F, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> good{1.0F};
  CHECK(contains(error_of([&] { quantise_weights({values, {}}, 1, kInput); }), "no int8 form"));
  const std::vector<float> infinite{std::numeric_limits<float>::infinity()};
  CHECK(contains(error_of([&] { quantise_weights({good, infinite}, 1, kInput); }), "data: "));
  for (const int bits : {1, 9, 16}) {
    CHECK(contains(error_of([&] {
                     quantise_weights({good, {}}, 1, kInput, bits);
                   }),
                   "weights have 2 to 8 bits"));
  }
}
