// Chains whose activations are stored as fp16.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/kernels/conv_chain.hpp"
#include "kernels/plain_unit.hpp"

using namespace hsconas;

namespace {

constexpr Half kOne{0x3c00};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The value of `half` by the definition of binary16.
double value_of(Half half) {
  const int exponent = half.bits >> 10 & 31;
  const double digits = half.bits & 1023;
  const double sign = half.bits >> 15 != 0 ? -1.0 : 1.0;
  if (exponent == 31) return digits == 0.0 ? sign * kInfinity : std::nan("");
  return sign *
         (exponent == 0 ? std::ldexp(digits, -24) : std::ldexp(1024.0 + digits, exponent - 25));
}

Values values_of(const std::vector<Half>& halves) {
  Values values;
  for (const Half half : halves) values.push_back(value_of(half));
  return values;
}

/// Random numbers with magnitudes from 2^-7 to 4.
std::vector<Half> random_halves(std::size_t count, Rng& rng) {
  std::vector<Half> halves;
  for (std::size_t i = 0; i < count; ++i) {
    const auto exponent = static_cast<unsigned>(8 + rng.below(9));
    const auto rest = static_cast<unsigned>(rng.below(2048));
    halves.push_back(
        {static_cast<std::uint16_t>(exponent << 10 | (rest & 1023U) | rest >> 10 << 15)});
  }
  return halves;
}

/// Largest error of each output of `plain.unit` before batch norm if the factors are quantised: one
/// step for the inputs of a window, one for the weights of an output.
Values fixed_errors(const PlainUnit& plain, int images) {
  const ConvGeometry& shape = plain.unit.shape;
  Values errors(plain.out.size(), 0.0);
  if (shape.depthwise) return errors;
  const auto count = static_cast<std::size_t>(shape.weights_per_output());
  double most_in = 0.0;
  for (const double value : plain.in) most_in = std::max(most_in, std::abs(value));
  const double in_error = 0.5 * most_in / 16383.0;
  Values weight_error(plain.mean.size());
  for (std::size_t c = 0; c < weight_error.size(); ++c) {
    double sum = 0.0;
    double most = 0.0;
    for (std::size_t i = c * count; i < (c + 1) * count; ++i) {
      sum += std::abs(plain.weights[i]);
      most = std::max(most, std::abs(plain.weights[i]));
    }
    weight_error[c] = 0.5 * std::max(sum / 131072.0, most / 32766.0);
  }
  for_each_product(shape, images, [&](std::size_t o, std::size_t i, std::size_t w) {
    errors[o] += std::abs(plain.weights[w]) * in_error +
                 (std::abs(plain.in[i]) + in_error) * weight_error[o % weight_error.size()];
  });
  return errors;
}

bool is_fixed(const ConvKernels& kernels) {
  const std::string isa = kernels.isa;
  return isa == "avx512-vnni" || isa == "avx512-bf16" || isa == "avx512-amx";
}

/// The output of a 1x1 convolution for one pixel, without batch norm.
Values mix(const ConvKernels& kernels, const std::vector<Half>& in, const Floats& weights) {
  const std::size_t outs = weights.size() / in.size();
  const ConvUnit unit{pointwise(static_cast<int>(in.size()), static_cast<int>(outs), 1), false};
  const PackedWeights packed = PackedWeights::of<Half>(kernels, unit.shape, weights.data());
  const NormFactors norm({.mean = Values(outs, 0.0), .variance = Values(outs, 1.0)}, 0.0);
  std::vector<Half> out(outs);
  ConvChains(1, kernels)
      .apply<Half>({&unit, 1}, {.pixels = {in.data(), std::ssize(in), 1}, .images = 1},
                   {&packed, 1}, {&norm, 1}, {out.data(), std::ssize(out), 1});
  return values_of(out);
}

}  // namespace

TEST_CASE("fp16 activations change no output by more than their rounding", "[kernels]") {
  constexpr double kHalf = 1.0 / 2048.0;  // Largest relative error of rounding to fp16.
  Rng rng(4, "conv chains");
  for (int round = 0; round < 60; ++round) {
    ConvUnit unit{random_shape(rng, round), false};
    if (!unit.shape.depthwise && rng.chance(0.3)) {
      unit.shape.kernel = 3;
      unit.shape.stride = 1 + round % 2;
    }
    unit.relu = rng.chance(0.5);
    const ConvGeometry& shape = unit.shape;
    const int images = 2 + static_cast<int>(rng.below(3));
    const auto step = static_cast<std::size_t>(1 + rng.below(2));
    const auto pixels = static_cast<std::size_t>(images * shape.in_pixels());
    const auto in_channels = static_cast<std::size_t>(shape.in_channels);
    const std::vector<Half> source = random_halves(pixels * in_channels * step, rng);
    const Floats weights = random_floats(weight_count(shape), rng);
    PlainUnit plain{.unit = unit, .weights = Values(weights.begin(), weights.end())};
    Values in;  // Every channel, or every second one.
    const Values values = values_of(source);
    for (std::size_t i = step - 1; i < values.size(); i += step) in.push_back(values[i]);
    plain.forward(in, images);
    const auto channels = static_cast<std::size_t>(shape.out_channels);
    const Values fixed = fixed_errors(plain, images);
    const double worst_fixed = *std::max_element(fixed.begin(), fixed.end());
    for (const ConvKernels& kernels : conv_kernels()) {
      INFO(kernels.isa << ", " << shape.in_channels << "-" << shape.out_channels << " k"
                       << shape.kernel << " s" << shape.stride << " r" << shape.in_size
                       << (shape.depthwise ? " depthwise" : ""));
      ConvChains chains(2, kernels);
      const PackedWeights packed = PackedWeights::of<Half>(kernels, shape, weights.data());
      const ConvChains::InputOf<Half> input{
          .pixels = {source.data() + step - 1, static_cast<std::int64_t>(in_channels * step),
                     static_cast<int>(step)},
          .images = images};
      // The output goes behind one other channel of each pixel, and other values are added to it.
      const auto to_stride = static_cast<std::int64_t>(channels) + 2;
      const std::vector<Half> plus = random_halves(plain.out.size(), rng);
      const auto check = [&](const auto& run) {
        const Half other{0x1234};
        std::vector<Half> out(plain.out.size() / channels * static_cast<std::size_t>(to_stride),
                              other);
        run(Channels<Half>{out.data() + 1, to_stride, 1},
            Channels<const Half>{plus.data(), shape.out_channels, 1});
        double worst = 0.0;
        bool overwritten = false;
        for (std::size_t o = 0; o < plain.out.size(); ++o) {
          const std::size_t c = o % channels;
          const std::size_t pixel = o / channels * static_cast<std::size_t>(to_stride);
          overwritten = overwritten || out[pixel].bits != other.bits ||
                        out[pixel + channels + 1].bits != other.bits;
          const double expected = plain.activated[o] + value_of(plus[o]);
          // Values are rounded before batch norm (only while calibrating) and after it; errors of
          // products count twice, because the statistics have them too.
          const double deviation = std::sqrt(plain.variance[c] + kEpsilon);
          const double products = is_fixed(kernels) ? 2.0 * fixed[o] + 2.0 * worst_fixed : 0.0;
          const double bound = (products + kHalf * std::abs(plain.out[o])) / deviation +
                               kHalf * std::abs(expected) + 2e-4;
          worst = std::max(worst, std::abs(value_of(out[pixel + 1 + c]) - expected) / bound);
        }
        CHECK(worst < 1.0);
        CHECK_FALSE(overwritten);
      };
      std::vector<NormStatistics> seen;
      check([&](Channels<Half> to, Channels<const Half> summand) {
        seen = chains.calibrate({&unit, 1}, input, {&packed, 1}, kEpsilon,
                                {.to = to, .plus = summand});
      });
      for (std::size_t c = 0; c < channels; ++c) {
        const double bound =
            1e-3 * (std::sqrt(plain.variance[c]) + 1e-3) + (is_fixed(kernels) ? worst_fixed : 0.0);
        CHECK(std::abs(seen[0].mean[c] - plain.mean[c]) <= bound);
      }
      const NormFactors norm(seen.front(), kEpsilon);
      check([&](Channels<Half> to, Channels<const Half> summand) {
        chains.apply({&unit, 1}, input, {&packed, 1}, {&norm, 1}, {.to = to, .plus = summand});
      });
    }
  }
}

TEST_CASE("every fp16 number is read and written exactly", "[kernels]") {
  std::vector<Half> all;
  for (unsigned bits = 0; bits < 0x10000U; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    // Except -0, because 0 is added to it.
    if (bits != 0x8000U && !std::isnan(value_of(half))) all.push_back(half);
  }
  const auto count = static_cast<int>(all.size());
  for (const ConvKernels& kernels : conv_kernels()) {
    std::vector<Half> copy(all.size());
    std::vector<Half> every_other(2 * all.size());
    ConvChains chains(1, kernels);
    chains.write<Half>(count, 1, {all.data(), count, 1}, {}, {copy.data(), count, 1});
    chains.write<Half>(count, 1, {all.data(), count, 1}, {}, {every_other.data(), 2 * count, 2});
    int wrong = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      wrong += copy[i].bits != all[i].bits || every_other[2 * i].bits != all[i].bits ||
                       every_other[2 * i + 1].bits != 0
                   ? 1
                   : 0;
    }
    INFO(kernels.isa);
    CHECK(wrong == 0);
  }
}

TEST_CASE("fp16 rounds to the nearest, ties to even, and keeps NaN", "[kernels]") {
  // Tests the middle between any two adjacent numbers, and the floats next to it.
  Floats between;
  std::vector<std::uint16_t> expected;
  for (unsigned bits = 0; bits < 0x7c00U; ++bits) {
    const Half lower{static_cast<std::uint16_t>(bits)};
    const auto above = static_cast<std::uint16_t>(bits + 1U);
    const double upper = bits == 0x7bffU ? 65536.0 : value_of({above});
    const auto middle = static_cast<float>((value_of(lower) + upper) / 2.0);
    for (const auto& [value, result] : {std::pair(std::nextafter(middle, 0.0F), lower.bits),
                                        std::pair(middle, bits % 2U == 0 ? lower.bits : above),
                                        std::pair(std::nextafter(middle, 1e9F), above)}) {
      between.push_back(value);
      expected.push_back(result);
      between.push_back(-value);
      expected.push_back(static_cast<std::uint16_t>(result | 0x8000U));
    }
  }
  between.push_back(1e30F);
  expected.push_back(0x7c00U);
  for (const ConvKernels& kernels : conv_kernels()) {
    const std::vector<Half> ours = rounded(kernels, between, kOne);
    int wrong = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) wrong += ours[i].bits != expected[i] ? 1 : 0;
    INFO(kernels.isa);
    CHECK(wrong == 0);
    const Floats nan(37, std::numeric_limits<float>::quiet_NaN());
    for (const Half half : rounded(kernels, nan, kOne)) CHECK(std::isnan(value_of(half)));
  }
}

TEST_CASE("products of fp16 can hold the largest possible sums", "[kernels]") {
  const std::vector<Half> in(40, Half{0x63d0});  // 1000.
  Floats weights(120, 0.5F);
  std::fill_n(weights.begin() + 40, 40, -0.5F);
  std::fill_n(weights.begin() + 80, 40, 0.0F);
  for (const ConvKernels& kernels : conv_kernels()) {
    const Values out = mix(kernels, in, weights);
    INFO(kernels.isa);
    CHECK(out[0] == Approx(20.0 * 1000.0).epsilon(1e-3));
    CHECK(out[1] == -out[0]);
    CHECK(out[2] == 0.0);
  }
}

TEST_CASE("products of fp16 with a NaN or infinite input are not finite", "[kernels]") {
  const Floats weights(40, 1.0F);
  for (const Half bad : {Half{0x7e00}, Half{0x7c00}, Half{0xfc00}}) {
    for (const std::size_t place : {std::size_t{0}, std::size_t{39}}) {
      std::vector<Half> in(40, Half{0x3c00});
      in[place] = bad;
      for (const ConvKernels& kernels : conv_kernels()) {
        INFO(kernels.isa << " " << value_of(bad) << " at " << place);
        CHECK_FALSE(std::isfinite(mix(kernels, in, weights)[0]));
      }
    }
  }
}

TEST_CASE("products of fp16 with a NaN or infinite weight are not finite", "[kernels]") {
  const std::vector<Half> ones(4, Half{0x3c00});
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Floats weights{1.0F, bad, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F};
    for (const ConvKernels& kernels : conv_kernels()) {
      const Values out = mix(kernels, ones, weights);
      INFO(kernels.isa << " " << bad);
      CHECK_FALSE(std::isfinite(out[0]));
      CHECK(out[1] == Approx(4.0).epsilon(1e-3));
    }
  }
}
