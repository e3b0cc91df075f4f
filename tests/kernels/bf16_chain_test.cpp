// Chains whose activations and gradients are stored as bf16, as in training.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/kernels/conv_chain.hpp"
#include "kernels/plain_unit.hpp"

using namespace hsconas;

namespace {

constexpr double kRounding = 1.0 / 256.0;  // Largest relative error of rounding to bf16.

float value_of(Bf16 value) {
  return std::bit_cast<float>(std::uint32_t{value.bits} << 16);
}

Values values_of(const std::vector<Bf16>& all) {
  Values values;
  for (const Bf16 value : all) values.push_back(static_cast<double>(value_of(value)));
  return values;
}

/// Standard normal numbers, truncated to bf16.
std::vector<Bf16> random_bf16(std::size_t count, Rng& rng) {
  std::vector<Bf16> values;
  for (const float value : random_floats(count, rng)) {
    values.push_back({static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16)});
  }
  return values;
}

/// The largest |ours - expected| / (bound + 1e-4 * (largest |expected| + 1)).
double worst(const Values& ours, const Values& expected, const Values& bound) {
  double most = 0.0;
  for (const double value : expected) most = std::max(most, std::abs(value));
  double result = 0.0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    result = std::max(result, std::abs(ours[i] - expected[i]) / (bound[i] + 1e-4 * (most + 1.0)));
  }
  return result;
}

Values magnitudes(Values values) {
  for (double& value : values) value = std::abs(value);
  return values;
}

/// |ours - expected| / |expected|, as vectors.
template <typename All>
double relative(const All& ours, const Values& expected) {
  double difference = 0.0;
  double all = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(static_cast<double>(ours[i]) - expected[i], 2.0);
    all += expected[i] * expected[i];
  }
  return std::sqrt(difference / all);
}

/// The results of a forward and a backward pass through one dense unit.
struct Written {
  Values out;
  Values in_gradient;  // Empty for convolutions with a window.
  Floats weight_gradient;

  bool operator==(const Written&) const = default;
};

Written run(ConvChains& chains, const ConvUnit& unit, const std::vector<Bf16>& source,
            const Floats& weights, const std::vector<Bf16>& gradient) {
  const ConvGeometry& s = unit.shape;
  const ConvChains::InputOf<Bf16> input{
      .pixels = {source.data(), s.in_channels, 1},
      .images = std::ssize(source) / (s.in_pixels() * s.in_channels)};
  std::vector<Bf16> out(gradient.size());
  std::vector<Bf16> in_gradient(is_supported(s, true) ? source.size() : 0);
  Written written;
  written.weight_gradient.resize(weights.size());
  const float* weight_data = weights.data();
  float* weight_gradient = written.weight_gradient.data();
  Bf16* out_data = out.data();
  const Bf16* const_out = out.data();
  const auto seen =
      chains.forward<Bf16>({&unit, 1}, input, {&weight_data, 1}, {&out_data, 1}, kEpsilon);
  const NormFactors norm(seen.front(), kEpsilon);
  chains.backward<Bf16>({&unit, 1}, input, {&weight_data, 1}, {&const_out, 1}, {&norm, 1},
                        {.out = {gradient.data(), s.out_channels, 1},
                         .in = {in_gradient.empty() ? nullptr : in_gradient.data(), s.in_channels},
                         .weights = {&weight_gradient, 1}});
  written.out = values_of(out);
  written.in_gradient = values_of(in_gradient);
  return written;
}

}  // namespace

TEST_CASE("the errors of training in bf16 are those of rounding stored values and factors",
          "[kernels]") {
  Rng rng(5, "conv chains");
  for (int round = 0; round < 60; ++round) {
    const ConvUnit unit{random_shape(rng, round), rng.chance(0.5)};
    const ConvGeometry& shape = unit.shape;
    const int images = 2 + static_cast<int>(rng.below(3));
    const bool accumulates = rng.chance(0.5);
    const auto step = static_cast<std::size_t>(1 + rng.below(2));  // Distance of the channels.
    const auto in_channels = static_cast<std::size_t>(shape.in_channels);
    const std::vector<Bf16> source =
        random_bf16(static_cast<std::size_t>(images * shape.in_pixels()) * in_channels * step, rng);
    const Floats weights = random_floats(weight_count(shape), rng);
    const auto every_step = [&](const Values& all) {
      Values some;
      for (std::size_t i = step - 1; i < all.size(); i += step) some.push_back(all[i]);
      return some;
    };
    PlainUnit plain{.unit = unit, .weights = Values(weights.begin(), weights.end())};
    plain.forward(every_step(values_of(source)), images);
    // In depthwise convolutions only stored values are rounded; errors of fp32 are negligible.
    const double factors = shape.depthwise ? 0.0 : 2.1 * kRounding;
    Values bound = magnitudes(plain.out);
    for (double& b : bound) b *= kRounding;
    for_each_product(shape, images, [&](std::size_t o, std::size_t i, std::size_t w) {
      bound[o] += factors * std::abs(plain.in[i] * plain.weights[w]);
    });
    const std::vector<Bf16> gradient = random_bf16(plain.out.size(), rng);
    const std::vector<Bf16> before = random_bf16(source.size(), rng);
    for (const ConvKernels& kernels : conv_kernels()) {
      INFO(kernels.isa << ", " << shape.in_channels << "-" << shape.out_channels << " k"
                       << shape.kernel << " s" << shape.stride << " r" << shape.in_size
                       << (shape.depthwise ? " depthwise" : "") << (unit.relu ? " relu" : ""));
      ConvChains chains(2, kernels);
      const auto stride = static_cast<std::int64_t>(in_channels * step);
      const ConvChains::InputOf<Bf16> input{
          .pixels = {source.data() + step - 1, stride, static_cast<int>(step)}, .images = images};
      const float* weight_data = weights.data();
      std::vector<Bf16> out(plain.out.size());
      Bf16* out_data = out.data();
      const auto seen =
          chains.forward<Bf16>({&unit, 1}, input, {&weight_data, 1}, {&out_data, 1}, kEpsilon);
      CHECK(worst(values_of(out), plain.out, bound) < 1.0);

      // The reference starts from our outputs, so that every ReLU cuts off the same values.
      PlainUnit as_ours = plain;
      as_ours.out = values_of(out);
      as_ours.mean = seen[0].mean;
      as_ours.variance = seen[0].variance;
      Values expected_weights;
      const Values expected = as_ours.backward(values_of(gradient), images, expected_weights);
      const Values at_out = as_ours.gradient_at_out(values_of(gradient));
      Values in_bound(expected.size(), 0.0);
      Values weight_bound(expected_weights.size(), 0.0);
      for_each_product(shape, images, [&](std::size_t o, std::size_t i, std::size_t w) {
        in_bound[i] += factors * std::abs(at_out[o] * plain.weights[w]);
        weight_bound[w] += factors * std::abs(at_out[o] * plain.in[i]);
      });
      Values all = values_of(before);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        double& value = all[i * step + step - 1];
        value = expected[i] + (accumulates ? value : 0.0);
        in_bound[i] += kRounding * std::abs(value);
      }

      Floats weight_gradient(weights.size());
      float* weight_gradient_data = weight_gradient.data();
      std::vector<Bf16> in_gradient = before;
      const Bf16* const_out = out.data();
      const NormFactors norm(seen.front(), kEpsilon);
      chains.backward<Bf16>({&unit, 1}, input, {&weight_data, 1}, {&const_out, 1}, {&norm, 1},
                            {.out = {gradient.data(), shape.out_channels, 1},
                             .in = {in_gradient.data() + step - 1, stride, static_cast<int>(step)},
                             .accumulate = accumulates,
                             .weights = {&weight_gradient_data, 1}});
      CHECK(worst(every_step(values_of(in_gradient)), every_step(all), in_bound) < 1.0);
      CHECK(worst(Values(weight_gradient.begin(), weight_gradient.end()), expected_weights,
                  weight_bound) < 1.0);
      if (step == 2) {  // The other channels are unchanged.
        bool is_same = true;
        for (std::size_t i = 0; i < before.size(); i += 2) {
          is_same = is_same && before[i].bits == in_gradient[i].bits;
        }
        CHECK(is_same);
      }
    }
  }
}

TEST_CASE("dense convolutions in bf16 ignore what earlier work left behind in memory",
          "[kernels]") {
  Rng rng(7, "conv chains");
  constexpr Bf16 kNan{0x7fc0};
  const ConvGeometry strided{
      .in_channels = 3, .out_channels = 20, .kernel = 3, .stride = 2, .in_size = 15};
  for (const ConvGeometry& shape : {pointwise(24, 40, 5), pointwise(5, 3, 9), pointwise(32, 16, 7),
                                    pointwise(150, 70, 9), pointwise(40, 130, 11), strided}) {
    const ConvUnit unit{shape, false};
    const auto values = [](std::int64_t pixels, int channels) {
      return static_cast<std::size_t>(pixels * channels);
    };
    const std::size_t ins = values(shape.in_pixels(), shape.in_channels);
    const std::size_t outs = values(shape.out_pixels(), shape.out_channels);
    const std::vector<Bf16> source = random_bf16(ins, rng);
    const std::vector<Bf16> gradient = random_bf16(outs, rng);
    Floats weights = random_floats(weight_count(shape), rng);
    // The lower half of each weight, read as bf16, is NaN.
    for (float& weight : weights) {
      weight = std::bit_cast<float>((std::bit_cast<std::uint32_t>(weight) & 0xffff0000U) | 0x7fc0U);
    }
    PlainUnit plain{.unit = unit, .weights = Values(weights.begin(), weights.end())};
    plain.forward(values_of(source), 1);
    Values weight_gradient;
    const Values in_gradient = plain.backward(values_of(gradient), 1, weight_gradient);
    for (const ConvKernels& kernels : conv_kernels()) {
      INFO(kernels.isa << ", " << shape.in_channels << "-" << shape.out_channels);
      ConvChains used(1, kernels);
      constexpr std::size_t kImages = 6;
      run(used, unit, std::vector(kImages * ins, kNan), weights, std::vector(kImages * outs, kNan));
      const Written written = run(used, unit, source, weights, gradient);
      CHECK(relative(written.out, plain.out) < 0.01);
      CHECK(relative(written.weight_gradient, weight_gradient) < 0.02);
      if (is_supported(shape, true)) CHECK(relative(written.in_gradient, in_gradient) < 0.02);
      ConvChains fresh(1, kernels);
      CHECK(written == run(fresh, unit, source, weights, gradient));
    }
  }
}

TEST_CASE("units pass on bf16 gradients with the sums that batch norm needs", "[kernels]") {
  Rng rng(6, "conv chains");
  constexpr int kImages = 4;
  constexpr int kSize = 8;
  const std::vector<ConvUnit> units{
      {pointwise(24, 40, kSize), true},
      {{.in_channels = 40, .out_channels = 40, .kernel = 5, .depthwise = true, .in_size = kSize},
       false},
      {pointwise(40, 30, kSize), true}};
  const std::vector<Bf16> source = random_bf16(std::size_t{kImages} * kSize * kSize * 24, rng);
  std::vector<Floats> weights;
  std::vector<PlainUnit> plain;
  for (const ConvUnit& unit : units) {
    weights.push_back(random_floats(weight_count(unit.shape), rng));
    plain.push_back(
        {.unit = unit, .weights = Values(weights.back().begin(), weights.back().end())});
    plain.back().forward(plain.size() == 1 ? values_of(source) : plain[plain.size() - 2].activated,
                         kImages);
  }
  const std::vector<Bf16> out_gradient = random_bf16(plain.back().out.size(), rng);
  std::vector<Values> expected(units.size());
  Values in_expected = values_of(out_gradient);
  for (std::size_t u = units.size(); u-- > 0;) {
    in_expected = plain[u].backward(in_expected, kImages, expected[u]);
  }
  // Near 0 a ReLU may cut off a value in one of the two only, so errors are compared overall.
  for (const ConvKernels& kernels : conv_kernels()) {
    CAPTURE(kernels.isa);
    ConvChains chains(2, kernels);
    const ConvChains::InputOf<Bf16> input{.pixels = {source.data(), 24, 1}, .images = kImages};
    std::vector<std::vector<Bf16>> outs;
    std::vector<Floats> gradients;
    std::vector<const float*> weight_data;
    std::vector<Bf16*> out_data;
    std::vector<const Bf16*> const_out_data;
    std::vector<float*> gradient_data;
    for (std::size_t u = 0; u < units.size(); ++u) {
      outs.emplace_back(plain[u].out.size());
      gradients.emplace_back(weights[u].size());
      weight_data.push_back(weights[u].data());
      out_data.push_back(outs[u].data());
      const_out_data.push_back(outs[u].data());
      gradient_data.push_back(gradients[u].data());
    }
    std::vector<NormFactors> norms;
    for (const NormStatistics& seen :
         chains.forward<Bf16>(units, input, weight_data, out_data, kEpsilon)) {
      norms.emplace_back(seen, kEpsilon);
    }
    std::vector<Bf16> in_gradient(source.size());
    chains.backward<Bf16>(units, input, weight_data, const_out_data, norms,
                          {.out = {out_gradient.data(), 30, 1},
                           .in = {in_gradient.data(), 24, 1},
                           .weights = gradient_data});
    CHECK(relative(values_of(in_gradient), in_expected) < 0.1);
    for (std::size_t u = 0; u < units.size(); ++u) {
      CAPTURE(u);
      CHECK(relative(values_of(outs[u]), plain[u].out) < 0.01);
      CHECK(relative(gradients[u], expected[u]) < 0.1);
    }
  }
}

TEST_CASE("bf16 is read exactly and written rounded to the nearest, ties to even", "[kernels]") {
  Floats values;
  Floats nearest;
  for (std::uint32_t bits = 0x0080; bits < 0x7f80; ++bits) {  // All normal numbers.
    const auto number = [](std::uint32_t of) { return std::bit_cast<float>(of); };
    const std::uint32_t even = bits + (bits & 1U);
    for (const std::uint32_t sign : {0U, 0x80000000U}) {
      const std::uint32_t own = bits << 16 | sign;
      values.insert(values.end(), {number(own), number(own | 0x7fffU), number(own | 0x8000U),
                                   number(own | 0x8001U)});
      nearest.insert(nearest.end(), {number(own), number(own), number(even << 16 | sign),
                                     number((bits + 1) << 16 | sign)});
    }
  }
  for (const ConvKernels& kernels : conv_kernels()) {
    CAPTURE(kernels.isa);
    const std::vector<Bf16> ours = rounded(kernels, values, Bf16{0x3f80});
    bool is_same = true;
    for (std::size_t i = 0; i < values.size(); ++i) {
      is_same = is_same && value_of(ours[i]) == nearest[i];
    }
    CHECK(is_same);
    const float nan = std::bit_cast<float>(0x7fffffffU);
    for (const Bf16 value : rounded(kernels, Floats(17, nan), Bf16{0x3f80}))
      CHECK(std::isnan(value_of(value)));
  }
}
