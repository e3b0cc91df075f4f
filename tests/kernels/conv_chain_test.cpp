#include "hsconas/kernels/conv_chain.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "kernels/plain_unit.hpp"

using namespace hsconas;

namespace {

void check_near(const Floats& ours, const Values& theirs, const std::string& what) {
  REQUIRE(ours.size() == theirs.size());
  double scale = 1.0;  // It is at least 1, because batch norm makes some gradients 0.
  for (const double value : theirs) scale = std::max(scale, std::abs(value));
  double worst = 0.0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(ours[i]) - theirs[i]));
  }
  INFO(what << ": off by " << worst << " of " << scale);
  CHECK(worst <= 2e-4 * scale);
}

struct Case {
  std::vector<ConvUnit> units;
  int images = 1;
  int threads = 1;
  bool halves = false;  // The chain reads every other channel of its input.
  bool accumulates = false;
};

/// A random chain like those of operators.
Case random_case(Rng& rng) {
  const auto channels = [&] { return 1 + static_cast<int>(rng.below(rng.chance(0.2) ? 70 : 20)); };
  const auto relu = [&] { return rng.chance(0.5); };
  Case c{.images = 1 + static_cast<int>(rng.below(4)),
         .threads = 1 + static_cast<int>(rng.below(3)),
         .halves = rng.chance(0.5),
         .accumulates = rng.chance(0.5)};
  int size = 1 + static_cast<int>(rng.below(11));
  int width = channels();
  const auto add = [&](ConvGeometry shape) {
    c.units.push_back({shape, relu()});
    size = shape.out_size();
    width = shape.out_channels;
  };
  const auto add_depthwise = [&] {
    const int kernel = 3 + 2 * static_cast<int>(rng.below(3));
    add({.in_channels = width,
         .out_channels = width,
         .kernel = kernel,
         .stride = rng.chance(0.3) ? 2 : 1,
         .depthwise = true,
         .in_size = size});
  };
  if (rng.chance(0.5)) add(pointwise(width, channels(), size));
  add_depthwise();
  if (rng.chance(0.5)) add(pointwise(width, channels(), size));
  if (rng.chance(0.3)) add_depthwise();
  return c;
}

void check_case(const Case& c, const ConvKernels& kernels, Rng& rng) {
  const ConvGeometry& first = c.units.front().shape;
  const auto pixels = static_cast<std::size_t>(c.images * first.in_pixels());
  const auto channels = static_cast<std::size_t>(first.in_channels);
  const std::size_t step = c.halves ? 2 : 1;
  const Floats source = random_floats(pixels * channels * step, rng);
  const auto at = [&](std::size_t i) {  // All channels, or only the odd ones.
    return i / channels * channels * step + i % channels * step + (step - 1);
  };
  Values in(pixels * channels);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<double>(source[at(i)]);

  std::vector<PlainUnit> plain;
  std::vector<Floats> weights;
  std::vector<Floats> outs;
  std::vector<Floats> gradients;
  std::vector<const float*> weight_data;
  std::vector<float*> out_data;
  std::vector<const float*> const_out_data;
  std::vector<float*> gradient_data;
  for (const ConvUnit& unit : c.units) {
    const auto count = weight_count(unit.shape);
    weights.push_back(random_floats(count, rng));
    gradients.emplace_back(count, 7.0F);
    plain.push_back(
        {.unit = unit, .weights = Values(weights.back().begin(), weights.back().end())});
    plain.back().forward(plain.size() == 1 ? in : plain[plain.size() - 2].activated, c.images);
    outs.emplace_back(plain.back().out.size());
  }
  for (std::size_t u = 0; u < c.units.size(); ++u) {
    weight_data.push_back(weights[u].data());
    out_data.push_back(outs[u].data());
    const_out_data.push_back(outs[u].data());
    gradient_data.push_back(gradients[u].data());
  }

  ConvChains chains(c.threads, kernels);
  const ConvChains::Input input{
      .pixels = {source.data() + (step - 1), static_cast<std::int64_t>(channels * step),
                 static_cast<int>(step)},
      .images = c.images};
  const auto statistics = chains.forward<float>(c.units, input, weight_data, out_data, kEpsilon);
  std::vector<NormFactors> norms;
  for (std::size_t u = 0; u < c.units.size(); ++u) {
    check_near(outs[u], plain[u].out, "outputs of unit " + std::to_string(u));
    for (std::size_t k = 0; k < plain[u].mean.size(); ++k) {
      const double deviation = std::sqrt(plain[u].variance[k]) + 1e-3;
      CHECK(std::abs(statistics[u].mean[k] - plain[u].mean[k]) <= 1e-3 * deviation);
      CHECK(std::abs(statistics[u].variance[k] - plain[u].variance[k]) <=
            1e-3 * deviation * deviation);
    }
    norms.emplace_back(statistics[u], kEpsilon);
  }
  const auto out_channels = static_cast<int>(plain.back().mean.size());
  const auto last_activation = norms.back().activation(c.units.back().relu);
  Floats activated(outs.back().size());
  chains.write<float>(out_channels, std::ssize(activated) / out_channels,
                      {outs.back().data(), out_channels, 1}, last_activation,
                      {activated.data(), out_channels, 1});
  check_near(activated, plain.back().activated, "activated outputs");

  // Without a backward pass, with new and with given statistics. The output goes behind two other
  // channels of each pixel, and other values are added to it.
  std::vector<PackedWeights> packed;
  for (std::size_t u = 0; u < c.units.size(); ++u) {
    packed.push_back(PackedWeights::of<float>(kernels, c.units[u].shape, weight_data[u]));
  }
  const int to_stride = out_channels + 3;
  const auto out_pixels = std::ssize(activated) / out_channels;
  const auto check_sums = [&](const auto& run, const std::string& what) {
    Floats sums(static_cast<std::size_t>(out_pixels * to_stride), 7.0F);
    run(Channels<float>{sums.data() + 2, to_stride, 1},
        Channels<const float>{activated.data(), out_channels, 1});
    Floats halves;
    for (std::ptrdiff_t i = 0; i < std::ssize(sums); ++i) {
      const float value = sums[static_cast<std::size_t>(i)];
      const std::ptrdiff_t channel = i % to_stride - 2;
      if (channel >= 0 && channel < out_channels) {
        halves.push_back(value / 2.0F);
      } else {
        REQUIRE(value == 7.0F);
      }
    }
    check_near(halves, plain.back().activated, what);
  };
  check_sums(
      [&](Channels<float> to, Channels<const float> plus) {
        const auto seen =
            chains.calibrate(c.units, input, packed, kEpsilon, {.to = to, .plus = plus});
        for (std::size_t u = 0; u < c.units.size(); ++u) {
          CHECK(seen[u].mean == statistics[u].mean);
          CHECK(seen[u].variance == statistics[u].variance);
        }
      },
      "calibrated outputs");
  check_sums(
      [&](Channels<float> to, Channels<const float> plus) {
        chains.apply(c.units, input, packed, norms, {.to = to, .plus = plus});
      },
      "outputs with known statistics");

  const Floats out_gradient = random_floats(activated.size(), rng);
  Floats in_gradient = random_floats(source.size(), rng);
  const Floats before = in_gradient;
  chains.backward<float>(
      c.units, input, weight_data, const_out_data, norms,
      {.out = {out_gradient.data(), out_channels, 1},
       .in = {in_gradient.data() + (step - 1), static_cast<std::int64_t>(channels * step),
              static_cast<int>(step)},
       .accumulate = c.accumulates,
       .weights = gradient_data});
  Values gradient(out_gradient.begin(), out_gradient.end());
  for (std::size_t u = c.units.size(); u-- > 0;) {
    Values weight_gradient;
    gradient = plain[u].backward(gradient, c.images, weight_gradient);
    check_near(gradients[u], weight_gradient, "weight gradients of unit " + std::to_string(u));
  }
  Values expected(before.begin(), before.end());
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    expected[at(i)] = gradient[i] + (c.accumulates ? expected[at(i)] : 0.0);
  }
  check_near(in_gradient, expected, "gradients of the input");
}

/// Whether every batch norm has enough values. With fewer they hardly vary, so batch norm amplifies
/// rounding errors, and a ReLU may cut off other values in float than in double.
bool is_well_posed(const Case& c) {
  return std::all_of(c.units.begin(), c.units.end(),
                     [&](const ConvUnit& unit) { return c.images * unit.shape.out_pixels() >= 4; });
}

}  // namespace

TEST_CASE("chains match their formulas on every instruction set and number of threads",
          "[kernels]") {
  Rng rng(1, "conv chains");
  int checked = 0;
  while (checked < 150) {
    const Case c = random_case(rng);
    if (!is_well_posed(c)) continue;
    ++checked;
    const std::uint64_t seed = rng.next();
    for (const ConvKernels& kernels : conv_kernels()) {
      std::string shapes;
      for (const ConvUnit& unit : c.units) {
        shapes.append(unit.shape.depthwise ? " depthwise " : " dense ");
        shapes.append(std::to_string(unit.shape.in_channels)).append("-");
        shapes.append(std::to_string(unit.shape.out_channels)).append(" k");
        shapes.append(std::to_string(unit.shape.kernel)).append(" s");
        shapes.append(std::to_string(unit.shape.stride)).append(" r");
        shapes.append(std::to_string(unit.shape.in_size));
      }
      INFO(kernels.isa << ", " << c.images << " images, " << c.threads << " threads," << shapes);
      Rng values(seed, "values");
      check_case(c, kernels, values);
    }
  }
}

TEST_CASE("a dense convolution with a window runs forward and gives its weights' gradient",
          "[kernels]") {
  Rng rng(2, "conv chains");
  for (const ConvKernels& kernels : conv_kernels()) {
    for (const int stride : {1, 2}) {
      for (const int kernel : {1, 3, 5}) {
        const ConvUnit unit{{.in_channels = 3,
                             .out_channels = 17,
                             .kernel = kernel,
                             .stride = stride,
                             .in_size = 9},
                            true};
        const auto in = random_floats(2 * 81 * 3, rng);
        const auto weights = random_floats(weight_count(unit.shape), rng);
        PlainUnit plain{.unit = unit, .weights = Values(weights.begin(), weights.end())};
        plain.forward(Values(in.begin(), in.end()), 2);
        Floats out(plain.out.size());
        Floats weight_gradient(weights.size());
        const float* weight_data = weights.data();
        float* out_data = out.data();
        const float* const_out = out.data();
        float* gradient_data = weight_gradient.data();
        ConvChains chains(2, kernels);
        const ConvChains::Input input{.pixels = {in.data(), 3, 1}, .images = 2};
        const NormFactors norm(
            chains.forward<float>({&unit, 1}, input, {&weight_data, 1}, {&out_data, 1}, kEpsilon)
                .front(),
            kEpsilon);
        check_near(out, plain.out, "outputs");
        const Floats gradient = random_floats(out.size(), rng);
        chains.backward<float>({&unit, 1}, input, {&weight_data, 1}, {&const_out, 1}, {&norm, 1},
                               {.out = {gradient.data(), 17, 1}, .weights = {&gradient_data, 1}});
        Values expected;
        plain.backward(Values(gradient.begin(), gradient.end()), 2, expected);
        check_near(weight_gradient, expected, "weight gradients");
        CHECK(is_supported(unit.shape, false));
        CHECK(is_supported(unit.shape, true) == (kernel == 1 && stride == 1));
      }
    }
  }
}

TEST_CASE("results are the same with more threads than images", "[kernels]") {
  Rng rng(3, "conv chains");
  const ConvUnit unit{pointwise(5, 6, 4), false};
  const Floats in = random_floats(16 * 5, rng);
  const Floats weights = random_floats(30, rng);
  const float* weight_data = weights.data();
  std::vector<Floats> outs;
  for (const int threads : {1, 4}) {
    Floats& out = outs.emplace_back(16 * 6);
    float* data = out.data();
    ConvChains chains(threads);
    const auto seen = chains.forward<float>({&unit, 1}, {.pixels = {in.data(), 5, 1}, .images = 1},
                                            {&weight_data, 1}, {&data, 1}, kEpsilon);
    CHECK(seen.front().variance.front() > 0.0);
  }
  CHECK(outs[0] == outs[1]);
}

TEST_CASE("write() adds the values of `plus` to the activated ones", "[kernels]") {
  ConvChains chains(2);
  const Floats z{1.0F, -1.0F, 3.0F, -3.0F};
  const Floats plus{10.0F, 20.0F, 30.0F, 40.0F};
  const NormFactors norm({.mean = {0.0, 0.0}, .variance = {0.25, 0.25}}, 0.0);
  Floats to{100.0F, 100.0F, 100.0F, 100.0F};
  chains.write<float>(2, 2, {z.data(), 2, 1}, norm.activation(true),
                      {.to = {to.data(), 2, 1}, .plus = {plus.data(), 2, 1}}, true);
  CHECK(to == Floats{112.0F, 120.0F, 136.0F, 140.0F});
}

TEST_CASE("channels that bypass the units are copied next to their output", "[kernels]") {
  constexpr int kImages = 5;
  constexpr int kHalf = 20;
  const ConvUnit unit{.shape = {.in_channels = kHalf, .out_channels = kHalf, .in_size = 9},
                      .relu = true};
  const std::int64_t pixels = kImages * unit.shape.in_pixels();
  Rng rng(3, "test");
  const Floats x = random_floats(static_cast<std::size_t>(pixels * 2 * kHalf), rng);
  const Floats weight = random_floats(kHalf * kHalf, rng);
  for (const ConvKernels& kernels : conv_kernels()) {
    CAPTURE(kernels.isa);
    ConvChains chains(2, kernels);
    const auto packed = PackedWeights::of<float>(kernels, unit.shape, weight.data());
    const ConvChains::Input in{
        .pixels = {x.data() + 1, 2 * kHalf, 2}, .activation = {}, .images = kImages};
    Floats alone(static_cast<std::size_t>(pixels * kHalf));
    const auto seen =
        chains.calibrate({&unit, 1}, in, {&packed, 1}, kEpsilon, {.to = {alone.data(), kHalf, 1}});
    const NormFactors norm(seen.front(), kEpsilon);
    const auto check = [&](const Floats& y) {
      std::size_t wrong = 0;
      for (std::size_t p = 0; p < static_cast<std::size_t>(pixels); ++p) {
        for (std::size_t c = 0; c < kHalf; ++c) {
          wrong += y[p * 2 * kHalf + c] != x[p * 2 * kHalf + 2 * c];
          wrong += y[p * 2 * kHalf + kHalf + c] != alone[p * kHalf + c];
        }
      }
      CHECK(wrong == 0);
    };
    const auto output = [&](Floats& y) {
      return ConvChains::OutputOf<float>{
          .to = {y.data() + kHalf, 2 * kHalf, 1},
          .copy = {
              .channels = kHalf, .from = {x.data(), 2 * kHalf, 2}, .to = {y.data(), 2 * kHalf, 1}}};
    };
    Floats calibrated(x.size());
    chains.calibrate({&unit, 1}, in, {&packed, 1}, kEpsilon, output(calibrated));
    check(calibrated);
    Floats applied(x.size());
    chains.apply({&unit, 1}, in, {&packed, 1}, {&norm, 1}, output(applied));
    check(applied);
  }
}

TEST_CASE("statistics are the same whether or not the output is wanted", "[kernels]") {
  const ConvUnit unit{.shape = {.in_channels = 20, .out_channels = 37, .in_size = 6}};
  Rng rng(4, "test");
  const Floats x = random_floats(static_cast<std::size_t>(7 * unit.shape.in_pixels() * 20), rng);
  const Floats weight = random_floats(20 * 37, rng);
  for (const ConvKernels& kernels : conv_kernels()) {
    CAPTURE(kernels.isa);
    ConvChains chains(2, kernels);
    const auto packed = PackedWeights::of<float>(kernels, unit.shape, weight.data());
    const ConvChains::Input in{.pixels = {x.data(), 20, 1}, .activation = {}, .images = 7};
    Floats y(static_cast<std::size_t>(7 * unit.shape.out_pixels() * 37));
    const auto with =
        chains.calibrate({&unit, 1}, in, {&packed, 1}, kEpsilon, {.to = {y.data(), 37, 1}});
    const auto without =
        chains.calibrate({&unit, 1}, in, {&packed, 1}, kEpsilon, ConvChains::OutputOf<float>{});
    CHECK(without.front().mean == with.front().mean);
    CHECK(without.front().variance == with.front().variance);
  }
}

TEST_CASE("pixels of each image are averaged", "[kernels]") {
  constexpr int kChannels = 37;
  Rng rng(5, "test");
  const Floats x = random_floats(3 * 49 * kChannels, rng);
  for (const ConvKernels& kernels : conv_kernels()) {
    CAPTURE(kernels.isa);
    Floats y(3 * kChannels);
    ConvChains(2, kernels).average<float>(kChannels, 3, 49, {x.data(), kChannels, 1}, y.data());
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t c = 0; c < kChannels; ++c) {
        double sum = 0.0;
        for (std::size_t p = 0; p < 49; ++p) sum += x[(i * 49 + p) * kChannels + c];
        CHECK_THAT(y[i * kChannels + c], Catch::Matchers::WithinAbs(sum / 49.0, 1e-6));
      }
    }
  }
}
