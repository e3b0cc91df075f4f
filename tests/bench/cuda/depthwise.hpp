#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "depthwise_backward.hpp"
#include "depthwise_forward.hpp"
#include "harness.hpp"

// Checks depthwise convolutions against their definition in double. Each type of activations has
// its own source file, because the kernels take long to compile.

namespace hsconas::cuda::bench {

using Values = std::vector<double>;

struct DepthwiseCase {
  DepthwiseSize size;
  bool in_norm = true;
  bool in_relu = true;
  bool out_norm = true;  ///< Forward: batch norm is wanted; backward: its terms are given.
  bool accumulate = false;
  int extra = 0;  ///< Values between the channels of one pixel and the next.
  int counted_images = 0;

  int channels() const { return size.channels; }
  int out_size() const { return (size.in_size + size.stride - 1) / size.stride; }
  int stride() const { return size.channels + extra; }
  int taps() const { return size.kernel * size.kernel; }
  std::int64_t in_pixels() const { return std::int64_t{size.images} * size.in_size * size.in_size; }
  std::int64_t out_pixels() const { return std::int64_t{size.images} * out_size() * out_size(); }
  std::int64_t weights() const { return std::int64_t{taps()} * size.channels; }

  std::string text() const {
    char text[160];
    std::snprintf(text, sizeof(text), "k%d stride %d, %d x %dx%d x %d(+%d)%s%s%s%s", size.kernel,
                  size.stride, size.images, size.in_size, size.in_size, size.channels, extra,
                  in_norm ? " norm" : "", in_relu ? " relu" : "", out_norm ? " terms" : "",
                  accumulate ? " adding" : "");
    return text;
  }
};

/// Calls visit(out index, in index, weight index) for every product.
template <typename Visit>
void for_each_tap(const DepthwiseCase& c, Visit visit) {
  const int k = c.size.kernel;
  for (int image = 0; image < c.size.images; ++image) {
    for (int y = 0; y < c.out_size(); ++y) {
      for (int x = 0; x < c.out_size(); ++x) {
        for (int tap = 0; tap < c.taps(); ++tap) {
          const int in_y = y * c.size.stride + tap / k - k / 2;
          const int in_x = x * c.size.stride + tap % k - k / 2;
          if (in_y < 0 || in_x < 0 || in_y >= c.size.in_size || in_x >= c.size.in_size) continue;
          const std::int64_t out = (std::int64_t{image} * c.out_size() + y) * c.out_size() + x;
          const std::int64_t in =
              (std::int64_t{image} * c.size.in_size + in_y) * c.size.in_size + in_x;
          for (int channel = 0; channel < c.channels(); ++channel) {
            visit(static_cast<std::size_t>(out * c.stride() + channel),
                  static_cast<std::size_t>(in * c.stride() + channel),
                  static_cast<std::size_t>(tap * c.channels() + channel));
          }
        }
      }
    }
  }
}

/// Calls visit(index, channel) for every value of `pixels` pixels.
template <typename Visit>
void for_each_value(const DepthwiseCase& c, std::int64_t pixels, Visit visit) {
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int channel = 0; channel < c.channels(); ++channel) {
      visit(static_cast<std::size_t>(pixel * c.stride() + channel),
            static_cast<std::size_t>(channel));
    }
  }
}

inline Values uniform(Bench& bench, std::int64_t count, double low, double high) {
  std::uniform_real_distribution<double> draw(low, high);
  Values values(static_cast<std::size_t>(count));
  for (double& value : values) value = rounded(draw(bench.random()), Number::Fp32);
  return values;
}

/// Values in the GPU's memory and on the host.
struct Both {
  Memory memory;
  Values values;
};

inline Both both(Bench& bench, std::int64_t count, Number type) {
  Both result{bench.random_values(count, type), {}};
  result.values = bench.read(result.memory.data(), count, type);
  return result;
}

inline Both both(Bench& bench, Values values) {
  Memory memory(static_cast<std::int64_t>(values.size()) * 4);
  bench.write(memory.data(), values, Number::Fp32);
  return {std::move(memory), std::move(values)};
}

/// Rows of `pixels` pixels with 0 in the channels and NaN in between, where nothing may be written.
inline Values no_numbers(const DepthwiseCase& c, std::int64_t pixels) {
  Values values(static_cast<std::size_t>(pixels * c.stride()),
                std::numeric_limits<double>::quiet_NaN());
  for_each_value(c, pixels, [&](std::size_t i, std::size_t) { values[i] = 0.0; });
  return values;
}

inline void round_all(Values& values, Number type) {
  for (double& value : values) value = rounded(value, type);
}

/// Inputs and memory of both passes.
struct DepthwiseData {
  Both in;
  Both scale;
  Both shift;
  Both weights;
  Memory parts;
  Memory counters;

  DepthwiseData(Bench& bench, const DepthwiseCase& c, Number type)
      : in(both(bench, c.in_pixels() * c.stride(), type)),
        scale(both(bench, uniform(bench, c.channels(), 0.5, 1.5))),
        shift(both(bench, uniform(bench, c.channels(), -0.5, 0.5))),
        weights(both(bench, uniform(bench, c.weights(), -0.5, 1.0))),
        parts(depthwise_parts(c.size) *
              static_cast<std::int64_t>(std::max(sizeof(Moments), sizeof(GradientSums)))),
        counters(4 * (c.channels() / kChannelUnit)) {
    bench.queue().clear(counters.data(), counters.bytes());
  }

  /// The input after batch norm and ReLU. Whether ReLU cuts a value off is decided in fp32 with one
  /// rounding, as on the GPU.
  Values seen(const DepthwiseCase& c) const {
    Values values = in.values;
    for_each_value(c, c.in_pixels(), [&](std::size_t i, std::size_t channel) {
      if (c.in_norm) {
        const double s = scale.values[channel];
        const double t = shift.values[channel];
        const bool cut = std::fma(static_cast<float>(s), static_cast<float>(values[i]),
                                  static_cast<float>(t)) <= 0.0F;
        values[i] = s * values[i] + t;
        if (c.in_relu && cut) values[i] = 0.0;
      } else if (c.in_relu) {
        values[i] = std::max(values[i], 0.0);
      }
    });
    return values;
  }
};

/// Computes scale and shift of the batch norm of `values`.
inline void expected_norm(const DepthwiseCase& c, const Values& values, double epsilon,
                          Values& scale, Values& shift) {
  const std::int64_t pixels = c.out_pixels() / c.size.images * c.counted_images;
  const auto n = static_cast<double>(pixels);
  Values mean(static_cast<std::size_t>(c.channels()));
  Values squares(mean.size());
  for_each_value(c, pixels, [&](std::size_t i, std::size_t ch) { mean[ch] += values[i] / n; });
  for_each_value(c, pixels, [&](std::size_t i, std::size_t ch) {
    squares[ch] += (values[i] - mean[ch]) * (values[i] - mean[ch]) / n;
  });
  for (std::size_t ch = 0; ch < mean.size(); ++ch) {
    scale.push_back(1.0 / std::sqrt(squares[ch] + epsilon));
    shift.push_back(-mean[ch] * scale.back());
  }
}

/// Limit for sums over rounded values: those near the middle of two numbers may round either way.
constexpr double kLimitOfSums = 1e-3;

/// Like limit_of(), but stricter for fp32, whose limit there allows for tensor cores.
inline double limit_without_tensor_cores(Number type) {
  return type == Number::Fp32 ? 1e-5 : limit_of(type);
}

template <typename T>
void check_depthwise_forward(Bench& bench, const DepthwiseCase& c) {
  constexpr Number kType = NumberOf<T>::kValue;
  const DepthwiseData data(bench, c, kType);
  const Memory out(c.out_pixels() * c.stride() * bytes_of(kType));
  const Memory out_scale(4 * c.channels());
  const Memory out_shift(4 * c.channels());

  DepthwiseForward<T> work;
  work.in = {data.in.memory.as<const T>(), c.stride()};
  if (c.in_norm) work.in_norm = {data.scale.memory.as<float>(), data.shift.memory.as<float>()};
  work.in_relu = c.in_relu;
  work.weights = data.weights.memory.as<const float>();
  work.out = {out.as<T>(), c.stride()};
  work.channels = c.channels();
  work.images = c.size.images;
  work.in_size = c.size.in_size;
  work.out_size = c.out_size();
  if (c.out_norm) work.out_norm = {out_scale.as<float>(), out_shift.as<float>()};
  work.counted_images = c.counted_images;
  work.epsilon = 1e-5F;
  work.parts = data.parts.as<Moments>();
  work.counters = data.counters.as<unsigned>();

  const Values seen = data.seen(c);
  Values expected = no_numbers(c, c.out_pixels());
  for_each_tap(c, [&](std::size_t o, std::size_t i, std::size_t w) {
    expected[o] += seen[i] * data.weights.values[w];
  });
  std::vector<Output> outputs(1);
  outputs[0].name = "out";
  outputs[0].data = out.data();
  outputs[0].type = kType;
  outputs[0].limit = limit_without_tensor_cores(kType);
  outputs[0].expected = expected;
  if (c.out_norm) {
    round_all(expected, kType);
    Output scale;
    scale.name = "scale";
    scale.data = out_scale.data();
    scale.limit = kLimitOfSums;
    Output shift = scale;
    shift.name = "shift";
    shift.data = out_shift.data();
    expected_norm(c, expected, 1e-5, scale.expected, shift.expected);
    outputs.push_back(scale);
    outputs.push_back(shift);
  }
  bench.check(std::string(name_of(kType)) + " depthwise forward " + c.text(), outputs,
              [&] { depthwise_forward(bench.queue(), work, c.size.kernel, c.size.stride); });
}

template <typename T>
void check_depthwise_backward(Bench& bench, const DepthwiseCase& c) {
  constexpr Number kType = NumberOf<T>::kValue;
  const DepthwiseData data(bench, c, kType);
  const Both gradient = both(bench, c.out_pixels() * c.stride(), kType);
  const Both out = both(bench, c.out_pixels() * c.stride(), kType);
  const Both terms = both(bench, uniform(bench, 3 * c.channels(), -1.0, 1.0));
  const Memory in_gradient(c.in_pixels() * c.stride() * bytes_of(kType));
  const int weight_parts = depthwise_weight_parts(c.size);
  const Memory parts_of_weights(4 * weight_parts * c.weights());
  const Memory in_terms(3 * 4 * c.channels());

  DepthwiseBackward<T> work;
  work.gradient = {gradient.memory.as<const T>(), c.stride()};
  if (c.out_norm) {
    work.out = {out.memory.as<const T>(), c.stride()};
    float* a = terms.memory.as<float>();
    work.terms = {a, a + c.channels(), a + 2 * c.channels()};
  }
  work.in = {data.in.memory.as<const T>(), c.stride()};
  if (c.in_norm) {
    work.in_norm = {data.scale.memory.as<float>(), data.shift.memory.as<float>()};
    float* a = in_terms.as<float>();
    work.in_terms = {a, a + c.channels(), a + 2 * c.channels()};
  }
  work.in_relu = c.in_relu;
  work.weights = data.weights.memory.as<const float>();
  work.in_gradient = {in_gradient.as<T>(), c.stride()};
  work.accumulate = c.accumulate;
  work.weight_parts = parts_of_weights.as<float>();
  work.channels = c.channels();
  work.images = c.size.images;
  work.in_size = c.size.in_size;
  work.out_size = c.out_size();
  work.sum_parts = data.parts.as<GradientSums>();
  work.counters = data.counters.as<unsigned>();

  Values dz = gradient.values;
  if (c.out_norm) {
    const auto channels = static_cast<std::size_t>(c.channels());
    for_each_value(c, c.out_pixels(), [&](std::size_t i, std::size_t ch) {
      dz[i] = terms.values[ch] * dz[i] + terms.values[channels + ch] * out.values[i] +
              terms.values[2 * channels + ch];
    });
  }
  const Values seen = data.seen(c);
  Values dx = no_numbers(c, c.in_pixels());
  Values dw(static_cast<std::size_t>(c.weights()));
  for_each_tap(c, [&](std::size_t o, std::size_t i, std::size_t w) {
    dx[i] += dz[o] * data.weights.values[w];
    dw[w] += dz[o] * seen[i];
  });
  std::vector<Output> outputs(2);
  outputs[0].name = "in_gradient";
  outputs[0].data = in_gradient.data();
  outputs[0].type = kType;
  outputs[0].limit = limit_without_tensor_cores(kType);
  if (c.accumulate) outputs[0].before = no_numbers(c, c.in_pixels());
  for_each_value(c, c.in_pixels(), [&](std::size_t i, std::size_t) {
    if (c.in_relu && !(seen[i] > 0.0)) dx[i] = 0.0;
    if (!c.accumulate) return;
    outputs[0].before[i] = data.in.values[i];  // Any values would do.
    dx[i] += data.in.values[i];
  });
  outputs[0].expected = dx;
  outputs[1].name = "weight gradient";
  outputs[1].data = parts_of_weights.data();
  outputs[1].expected = dw;
  outputs[1].limit = 1e-4;
  outputs[1].raw_count = weight_parts * c.weights();
  outputs[1].reduce = [count = dw.size()](const Values& parts) {
    Values sums(count);
    for (std::size_t i = 0; i < parts.size(); ++i) sums[i % count] += parts[i];
    return sums;
  };
  if (c.in_norm) {
    round_all(dx, kType);
    const auto channels = static_cast<std::size_t>(c.channels());
    const auto n = static_cast<double>(c.in_pixels());
    Values mean(channels);
    Values along(channels);
    for_each_value(c, c.in_pixels(), [&](std::size_t i, std::size_t ch) {
      mean[ch] += dx[i] / n;
      along[ch] += dx[i] * seen[i] / n;
    });
    Output written;
    written.name = "in_terms";
    written.data = in_terms.data();
    written.limit = kLimitOfSums;
    written.expected.resize(3 * channels);
    for (std::size_t ch = 0; ch < channels; ++ch) {
      const double s = data.scale.values[ch];
      written.expected[ch] = s;
      written.expected[channels + ch] = -s * s * along[ch];
      written.expected[2 * channels + ch] = -s * (mean[ch] + data.shift.values[ch] * along[ch]);
    }
    outputs.push_back(written);
  }
  bench.check(std::string(name_of(kType)) + " depthwise backward " + c.text(), outputs,
              [&] { depthwise_backward(bench.queue(), work, c.size.kernel, c.size.stride); });
}

template <typename T>
void check_depthwise(Bench& bench) {
  for (const int kernel : {1, 3, 5, 7}) {
    for (const int stride : {1, 2}) {
      for (int i = 0; i < 4 && bench.time_left(); ++i) {
        DepthwiseCase c;
        c.size = {8 * bench.uniform(1, 18),
                  bench.uniform(1, 5),
                  bench.uniform(7, 33),
                  kernel,
                  stride,
                  bench.queue().multiprocessors()};
        c.in_norm = i < 2;
        c.in_relu = i % 2 == 0;
        c.out_norm = i != 2;
        c.accumulate = i == 3;
        c.extra = 8 * bench.uniform(0, 2);
        c.counted_images = bench.uniform(1, c.size.images);
        check_depthwise_forward<T>(bench, c);
        check_depthwise_backward<T>(bench, c);
      }
    }
  }
}

// Each is defined in its own source file.
void check_depthwise_bf16(Bench& bench);
void check_depthwise_fp16(Bench& bench);
void check_depthwise_fp32(Bench& bench);

}  // namespace hsconas::cuda::bench
