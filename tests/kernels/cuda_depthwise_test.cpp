// Tests of the GPU's depthwise kernels, which run on the processor here.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "kernels/cuda/depthwise_backward.hpp"
#include "kernels/cuda/depthwise_forward.hpp"
#include "kernels/cuda/host_queue.hpp"

using namespace hsconas;
using namespace hsconas::cuda;

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

struct DepthwiseCase {
  DepthwiseSize size;
  bool in_norm = true;
  bool in_relu = true;
  bool out_norm = true;
  bool accumulate = false;
  int extra = 0;  ///< Further channels of a row, which are not part of the convolution.
  int counted_images = 0;

  int out_size() const { return (size.in_size + size.stride - 1) / size.stride; }
  int stride() const { return size.channels + extra; }
  int taps() const { return size.kernel * size.kernel; }
  std::size_t in_pixels() const { return pixels(size.in_size); }
  std::size_t out_pixels() const { return pixels(out_size()); }
  std::size_t channels() const { return static_cast<std::size_t>(size.channels); }

 private:
  std::size_t pixels(int side) const {
    return static_cast<std::size_t>(size.images) * static_cast<std::size_t>(side * side);
  }
};

/// Largest relative error of rounding to T.
template <typename T>
constexpr double rounding() {
  if (std::is_same_v<T, float>) return 1e-6;
  return std::is_same_v<T, Bf16> ? 1.0 / 256 : 1.0 / 2048;
}

Floats random_floats(std::size_t count, Rng& rng, double mean = 0.0) {
  Floats values(count);
  for (float& value : values) value = static_cast<float>(mean + rng.normal());
  return values;
}

/// Activations in rows that may be wider than their channels; the rest of a row is NaN.
template <typename T>
struct Rows {
  std::vector<T> data;
  std::size_t channels;
  std::size_t stride;

  Rows(std::size_t pixels, const DepthwiseCase& c)
      : data(pixels * static_cast<std::size_t>(c.stride()),
             from_float<T>(std::numeric_limits<float>::quiet_NaN())),
        channels(c.channels()),
        stride(static_cast<std::size_t>(c.stride())) {}

  Rows(std::size_t pixels, const DepthwiseCase& c, Rng& rng, double mean = 0.0) : Rows(pixels, c) {
    for (std::size_t i = 0; i < pixels * channels; ++i) {
      at(i) = from_float<T>(static_cast<float>(mean + rng.normal()));
    }
  }

  /// Channel i % channels of pixel i / channels.
  T& at(std::size_t i) { return data[i / channels * stride + i % channels]; }

  Pixels<T> pixels() { return {data.data(), static_cast<std::int64_t>(stride)}; }
  Pixels<const T> read() const { return {data.data(), static_cast<std::int64_t>(stride)}; }

  Doubles values() {
    Doubles all(data.size() / stride * channels);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<double>(to_float(at(i)));
    return all;
  }

  bool rest_is_untouched() const {
    for (std::size_t i = 0; i < data.size(); ++i) {
      if (i % stride >= channels && !std::isnan(to_float(data[i]))) return false;
    }
    return true;
  }
};

/// Calls `visit(out index, in index, weight index)` for every product.
template <typename Visit>
void for_each_product(const DepthwiseCase& c, Visit visit) {
  const int out_size = c.out_size();
  const int in_size = c.size.in_size;
  const int k = c.size.kernel;
  for (int row = 0; row < c.size.images * out_size; ++row) {
    const int image = row / out_size;
    for (int x = 0; x < out_size; ++x) {
      for (int tap = 0; tap < c.taps(); ++tap) {
        const int in_y = row % out_size * c.size.stride + tap / k - k / 2;
        const int in_x = x * c.size.stride + tap % k - k / 2;
        if (in_y < 0 || in_y >= in_size || in_x < 0 || in_x >= in_size) continue;
        const auto out = static_cast<std::size_t>(row * out_size + x) * c.channels();
        const auto in = static_cast<std::size_t>((image * in_size + in_y) * in_size + in_x);
        for (std::size_t i = 0; i < c.channels(); ++i) {
          visit(out + i, in * c.channels() + i, static_cast<std::size_t>(tap) * c.channels() + i);
        }
      }
    }
  }
}

double largest(const Doubles& values) {
  double most = 0.0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

/// The largest difference, as a share of the largest value.
double difference(const Doubles& got, const Doubles& expected) {
  REQUIRE(got.size() == expected.size());
  double most = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - expected[i]);
    if (!(error <= most)) most = std::isnan(error) ? 1e30 : error;
  }
  return most / std::max(largest(expected), 1e-30);
}

template <typename T>
Doubles doubles(const std::vector<T>& values) {
  return Doubles(values.begin(), values.end());
}

/// The input after batch norm and ReLU.
Doubles seen(const DepthwiseCase& c, Doubles in, const Floats& scale, const Floats& shift) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::size_t channel = i % c.channels();
    if (c.in_norm) {
      in[i] = static_cast<double>(scale[channel]) * in[i] + static_cast<double>(shift[channel]);
    }
    if (c.in_relu) in[i] = std::max(in[i], 0.0);
  }
  return in;
}

Floats random_scales(std::size_t count, Rng& rng) {
  Floats scales(count);
  for (float& scale : scales) scale = static_cast<float>(0.5 + rng.uniform());
  return scales;
}

/// Buffers of exactly the required size, and counters that kernels must leave at 0.
struct Scratch {
  std::vector<Moments> moments;
  std::vector<GradientSums> sums;
  std::vector<unsigned> counters;

  explicit Scratch(const DepthwiseSize& size)
      : moments(static_cast<std::size_t>(depthwise_parts(size))),
        sums(moments.size()),
        counters(static_cast<std::size_t>(size.channels / kChannelUnit)) {}

  bool counters_are_zero() const {
    return std::all_of(counters.begin(), counters.end(), [](unsigned c) { return c == 0; });
  }
};

template <typename T>
void check_forward(const DepthwiseCase& c, HostQueue& queue, Rng& rng) {
  Rows<T> in(c.in_pixels(), c, rng, 0.5);
  Rows<T> out(c.out_pixels(), c);
  Floats scale = random_scales(c.channels(), rng);
  Floats shift = random_floats(c.channels(), rng);
  const Floats weights = random_floats(c.channels() * static_cast<std::size_t>(c.taps()), rng, 0.3);
  Floats out_scale(c.channels());
  Floats out_shift(c.channels());
  Scratch scratch(c.size);

  DepthwiseForward<T> work;
  work.in = in.read();
  if (c.in_norm) work.in_norm = {scale.data(), shift.data()};
  work.in_relu = c.in_relu;
  work.weights = weights.data();
  work.out = out.pixels();
  work.channels = c.size.channels;
  work.images = c.size.images;
  work.in_size = c.size.in_size;
  work.out_size = c.out_size();
  if (c.out_norm) work.out_norm = {out_scale.data(), out_shift.data()};
  work.counted_images = c.counted_images;
  work.epsilon = 1e-5F;
  work.parts = scratch.moments.data();
  work.counters = scratch.counters.data();
  depthwise_forward(queue, work, c.size.kernel, c.size.stride);

  const Doubles values = seen(c, in.values(), scale, shift);
  Doubles expected(c.out_pixels() * c.channels());
  for_each_product(c, [&](std::size_t o, std::size_t i, std::size_t w) {
    expected[o] += values[i] * static_cast<double>(weights[w]);
  });
  const Doubles got = out.values();
  CHECK(difference(got, expected) < rounding<T>());
  CHECK(out.rest_is_untouched());
  CHECK(scratch.counters_are_zero());
  if (!c.out_norm) return;

  const std::size_t counted = c.out_pixels() / static_cast<std::size_t>(c.size.images) *
                              static_cast<std::size_t>(c.counted_images);
  Doubles mean(c.channels());
  Doubles variance(c.channels());
  for (std::size_t i = 0; i < counted * c.channels(); ++i) {
    mean[i % c.channels()] += got[i] / static_cast<double>(counted);
  }
  for (std::size_t i = 0; i < counted * c.channels(); ++i) {
    const double d = got[i] - mean[i % c.channels()];
    variance[i % c.channels()] += d * d / static_cast<double>(counted);
  }
  Doubles expected_scale(c.channels());
  Doubles expected_shift(c.channels());
  for (std::size_t i = 0; i < c.channels(); ++i) {
    expected_scale[i] = 1.0 / std::sqrt(variance[i] + 1e-5);
    expected_shift[i] = -mean[i] * expected_scale[i];
  }
  CHECK(difference(doubles(out_scale), expected_scale) < 1e-5);
  CHECK(difference(doubles(out_shift), expected_shift) < 1e-5);
}

/// The arguments of a backward pass and its expected results.
template <typename T>
struct Backward {
  DepthwiseCase c;
  Rows<T> gradient;
  Rows<T> out;
  Rows<T> in;
  Rows<T> in_gradient;
  Floats terms;
  Floats scale;
  Floats shift;
  Floats weights;
  Floats weight_parts;
  Floats in_terms;
  Scratch scratch;

  Backward(const DepthwiseCase& a_case, Rng& rng)
      : c(a_case),
        gradient(c.out_pixels(), c, rng, 0.2),
        out(c.out_pixels(), c, rng),
        in(c.in_pixels(), c, rng, 0.5),
        in_gradient(c.accumulate ? Rows<T>(c.in_pixels(), c, rng) : Rows<T>(c.in_pixels(), c)),
        terms(random_floats(3 * c.channels(), rng)),
        scale(random_scales(c.channels(), rng)),
        shift(random_floats(c.channels(), rng)),
        weights(random_floats(c.channels() * static_cast<std::size_t>(c.taps()), rng)),
        weight_parts(static_cast<std::size_t>(depthwise_weight_parts(c.size)) * weights.size(),
                     std::numeric_limits<float>::quiet_NaN()),
        in_terms(3 * c.channels()),
        scratch(c.size) {}

  DepthwiseBackward<T> work() {
    DepthwiseBackward<T> work;
    work.gradient = gradient.read();
    if (c.out_norm) {
      work.out = out.read();
      work.terms = {terms.data(), terms.data() + c.channels(), terms.data() + 2 * c.channels()};
    }
    work.in = in.read();
    if (c.in_norm) {
      work.in_norm = {scale.data(), shift.data()};
      work.in_terms = {in_terms.data(), in_terms.data() + c.channels(),
                       in_terms.data() + 2 * c.channels()};
    }
    work.in_relu = c.in_relu;
    work.weights = weights.data();
    work.in_gradient = in_gradient.pixels();
    work.accumulate = c.accumulate;
    work.weight_parts = weight_parts.data();
    work.channels = c.size.channels;
    work.images = c.size.images;
    work.in_size = c.size.in_size;
    work.out_size = c.out_size();
    work.sum_parts = scratch.sums.data();
    work.counters = scratch.counters.data();
    return work;
  }

  void run(HostQueue& queue, const DepthwiseBackward<T>& work) {
    depthwise_backward(queue, work, c.size.kernel, c.size.stride);
  }

  Doubles out_gradient() {
    Doubles values = gradient.values();
    if (!c.out_norm) return values;
    const Doubles z = out.values();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t channel = i % c.channels();
      values[i] = static_cast<double>(terms[channel]) * values[i] +
                  static_cast<double>(terms[c.channels() + channel]) * z[i] +
                  static_cast<double>(terms[2 * c.channels() + channel]);
    }
    return values;
  }

  Doubles expected_weight_gradient() {
    const Doubles dz = out_gradient();
    const Doubles values = seen(c, in.values(), scale, shift);
    Doubles sums(weights.size());
    for_each_product(
        c, [&](std::size_t o, std::size_t i, std::size_t w) { sums[w] += dz[o] * values[i]; });
    return sums;
  }

  Doubles weight_gradient() const {
    Doubles sums(weights.size());
    for (std::size_t i = 0; i < weight_parts.size(); ++i) {
      sums[i % sums.size()] += static_cast<double>(weight_parts[i]);
    }
    return sums;
  }

  /// The expected in_gradient if it held `before`.
  Doubles expected_in_gradient(const Doubles& before) {
    const Doubles dz = out_gradient();
    const Doubles values = seen(c, in.values(), scale, shift);
    Doubles sums(values.size());
    for_each_product(c, [&](std::size_t o, std::size_t i, std::size_t w) {
      sums[i] += dz[o] * static_cast<double>(weights[w]);
    });
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (c.in_relu && !(values[i] > 0.0)) sums[i] = 0.0;
      if (c.accumulate) sums[i] += before[i];
    }
    return sums;
  }

  /// The expected terms of the input's batch norm, computed from the gradient that was written.
  Doubles expected_in_terms() {
    const Doubles g = in_gradient.values();
    const Doubles y = seen(c, in.values(), scale, shift);
    const std::size_t channels = c.channels();
    Doubles mean(channels);
    Doubles along(channels);
    for (std::size_t i = 0; i < g.size(); ++i) {
      mean[i % channels] += g[i] / static_cast<double>(c.in_pixels());
      along[i % channels] += g[i] * y[i] / static_cast<double>(c.in_pixels());
    }
    Doubles expected(3 * channels);
    for (std::size_t i = 0; i < channels; ++i) {
      const auto s = static_cast<double>(scale[i]);
      expected[i] = s;
      expected[channels + i] = -s * s * along[i];
      expected[2 * channels + i] = -s * (mean[i] + static_cast<double>(shift[i]) * along[i]);
    }
    return expected;
  }
};

template <typename T>
void check_backward(const DepthwiseCase& c, HostQueue& queue, Rng& rng) {
  Backward<T> backward(c, rng);
  const Doubles before = backward.in_gradient.values();
  backward.run(queue, backward.work());
  CHECK(difference(backward.in_gradient.values(), backward.expected_in_gradient(before)) <
        rounding<T>());
  CHECK(difference(backward.weight_gradient(), backward.expected_weight_gradient()) < 1e-5);
  CHECK(backward.in_gradient.rest_is_untouched());
  CHECK(backward.scratch.counters_are_zero());
  if (c.in_norm) {
    CHECK(difference(doubles(backward.in_terms), backward.expected_in_terms()) < 1e-5);
  }
}

constexpr int kSizes[] = {1, 2, 3, 4, 7, 8, 14, 15, 28};
constexpr int kWidths[] = {8, 24, 40, 72, 136};

/// Goes through all kernels and strides; the rest is random, with few channels for large images.
DepthwiseCase random_case(int round, Rng& rng) {
  DepthwiseCase c;
  c.size.kernel = 1 + 2 * (round % 4);
  c.size.stride = 1 + round / 4 % 2;
  c.size.in_size = kSizes[rng.below(9)];
  c.size.channels = kWidths[rng.below(c.size.in_size > 14 ? 2 : 5)];
  c.size.images = 1 + static_cast<int>(rng.below(c.size.in_size > 8 ? 3 : 9));
  c.size.multiprocessors = 1 + static_cast<int>(rng.below(40));
  c.in_norm = rng.chance(0.7);
  c.in_relu = rng.chance(0.5);
  c.out_norm = rng.chance(0.7);
  c.accumulate = !c.in_norm && rng.chance(0.5);
  c.extra = rng.chance(0.5) ? 8 * (1 + static_cast<int>(rng.below(4))) : 0;
  c.counted_images = 1 + static_cast<int>(rng.below(static_cast<std::uint64_t>(c.size.images)));
  return c;
}

template <typename Check>
void check_cases(int rounds, const char* stream, Check check) {
  Rng rng(7, stream);
  for (int round = 0; round < rounds; ++round) {
    const DepthwiseCase c = random_case(round, rng);
    CAPTURE(round, c.size.kernel, c.size.stride, c.size.in_size, c.size.channels, c.size.images,
            c.size.multiprocessors, c.in_norm, c.in_relu, c.out_norm, c.accumulate, c.extra);
    HostQueue queue(static_cast<unsigned>(round), c.size.multiprocessors);
    check(c, queue, rng);
    REQUIRE(queue.launches() == 1);
  }
}

}  // namespace

TEST_CASE("A depthwise convolution for the GPU matches its definition") {
  check_cases(48, "fp32", check_forward<float>);
  check_cases(48, "bf16", check_forward<Bf16>);
  check_cases(48, "fp16", check_forward<Half>);
}

TEST_CASE("The gradients of a depthwise convolution for the GPU match their definition") {
  check_cases(48, "fp32", check_backward<float>);
  check_cases(48, "bf16", check_backward<Bf16>);
  check_cases(48, "fp16", check_backward<Half>);
}

TEST_CASE("Large images of a depthwise convolution are cut into tiles without errors at edges") {
  Rng rng(3, "tiles");
  for (const int stride : {1, 2}) {
    DepthwiseCase c;
    c.size = {16, 2, 58, 7, stride, 2};
    c.counted_images = 2;
    HostQueue queue(5, c.size.multiprocessors);
    REQUIRE(forward_tiles(c.size).across * forward_tiles(c.size).down > 1);
    check_forward<Bf16>(c, queue, rng);
    check_backward<Bf16>(c, queue, rng);
  }
}

TEST_CASE("Statistics of a depthwise convolution are exact for a mean far from zero") {
  Rng rng(1, "mean");
  DepthwiseCase c;
  c.size = {8, 5, 14, 3, 1, 4};
  Rows<float> in(c.in_pixels(), c, rng, 3000.0);
  Rows<float> out(c.out_pixels(), c);
  Floats weights(9 * c.channels());
  std::fill_n(weights.begin() + 4 * 8, 8, 1.0F);  // Only the middle tap counts, so out = in.
  Floats scale(c.channels());
  Floats shift(c.channels());
  Scratch scratch(c.size);
  DepthwiseForward<float> work;
  work.in = in.read();
  work.weights = weights.data();
  work.out = out.pixels();
  work.channels = c.size.channels;
  work.images = work.counted_images = c.size.images;
  work.in_size = work.out_size = c.size.in_size;
  work.out_norm = {scale.data(), shift.data()};
  work.parts = scratch.moments.data();
  work.counters = scratch.counters.data();
  HostQueue queue(1, c.size.multiprocessors);
  depthwise_forward(queue, work, 3, 1);

  const Doubles values = in.values();
  for (std::size_t channel = 0; channel < c.channels(); ++channel) {
    double mean = 0.0;
    double squares = 0.0;
    const auto count = static_cast<double>(c.in_pixels());
    for (std::size_t i = channel; i < values.size(); i += c.channels()) mean += values[i] / count;
    for (std::size_t i = channel; i < values.size(); i += c.channels()) {
      squares += (values[i] - mean) * (values[i] - mean);
    }
    CHECK(static_cast<double>(scale[channel]) == Approx(std::sqrt(count / squares)).epsilon(1e-4));
  }
}

TEST_CASE("Average pooling for the GPU passes its gradient on without reading its input") {
  Rng rng(1, "pool");
  DepthwiseCase c;
  c.size = {24, 3, 9, 3, 2, 4};
  c.in_norm = c.in_relu = c.out_norm = false;
  Backward<Half> backward(c, rng);
  std::fill(backward.weights.begin(), backward.weights.end(), 1.0F / 9.0F);
  DepthwiseBackward<Half> work = backward.work();
  work.in = {};
  work.weight_parts = nullptr;
  work.sum_parts = nullptr;
  HostQueue queue(1, c.size.multiprocessors);
  backward.run(queue, work);
  CHECK(difference(backward.in_gradient.values(), backward.expected_in_gradient({})) <
        rounding<Half>());
}

TEST_CASE("A depthwise convolution for the GPU may leave out the gradient of its input") {
  Rng rng(1, "weights");
  DepthwiseCase c;
  c.size = {40, 2, 7, 5, 1, 4};
  c.in_norm = false;
  Backward<Bf16> backward(c, rng);
  DepthwiseBackward<Bf16> work = backward.work();
  work.in_gradient = {};
  HostQueue queue(1, c.size.multiprocessors);
  backward.run(queue, work);
  CHECK(difference(backward.weight_gradient(), backward.expected_weight_gradient()) < 1e-5);
}

TEST_CASE("Two backward passes of a depthwise convolution agree bit for bit") {
  Rng rng(1, "again");
  DepthwiseCase c;
  c.size = {72, 4, 15, 5, 1, 10};
  Backward<Bf16> backward(c, rng);
  HostQueue queue(1, c.size.multiprocessors);
  backward.run(queue, backward.work());
  const Floats weights = backward.weight_parts;
  const Floats terms = backward.in_terms;
  backward.run(queue, backward.work());  // The blocks run in another order.
  CHECK(backward.weight_parts == weights);
  CHECK(backward.in_terms == terms);
}

TEST_CASE("Blocks of a depthwise convolution fit the GPU in size and number") {
  for (int round = 0; round < 8 * 9 * 5; ++round) {
    const DepthwiseSize size{kWidths[round / 72], 128, kSizes[round / 8 % 9], 1 + 2 * (round % 4),
                             1 + round / 4 % 2,   132};
    for (const DepthwiseTiles& tiles : {forward_tiles(size), backward_tiles(size)}) {
      CAPTURE(size.kernel, size.stride, size.in_size, size.channels);
      CHECK(tiles.tiles > 0);
      CHECK(tiles.shared_bytes <= kDepthwiseShared);
      CHECK(tiles.blocks * tiles.groups <= 3 * size.multiprocessors);
      CHECK(tiles.blocks <= tiles.tiles);
    }
  }
}

TEST_CASE("A kernel size or stride that is not supported is an error that names it") {
  HostQueue queue;
  CHECK_THROWS_WITH(depthwise_forward(queue, DepthwiseForward<float>{}, 4, 1),
                    Catch::Matchers::ContainsSubstring("1, 3, 5 or 7, got 4"));
  CHECK_THROWS_WITH(depthwise_backward(queue, DepthwiseBackward<float>{}, 3, 3),
                    Catch::Matchers::ContainsSubstring("1 or 2, got 3"));
}
