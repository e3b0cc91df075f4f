#include "depthwise.hpp"
#include "sections.hpp"
#include "shapes.hpp"

namespace hsconas::cuda::bench {

namespace {

// Memory for the activations of one run.
struct Buffers {
  Memory in;
  Memory out;
  Memory gradient;
  Memory in_gradient;
};

void time_both_ways(Bench& bench, const Stage& stage, int channels, int kernel) {
  DepthwiseCase c;
  c.size = {channels, stage.images, stage.size, kernel, 1, bench.queue().multiprocessors()};
  const std::int64_t values = c.in_pixels() * channels;
  std::vector<Buffers> sets;
  const int count = bench.sets_for(4 * values);
  for (int i = 0; i < count; ++i) {
    sets.push_back({bench.random_values(values, Number::Bf16),
                    bench.random_values(values, Number::Bf16),
                    bench.random_values(values, Number::Bf16), Memory(2 * values)});
  }
  const Memory constants = bench.random_values(10 * channels, Number::Fp32);
  const Memory weights = bench.random_values(c.weights(), Number::Fp32);
  const Memory weight_parts(4 * depthwise_weight_parts(c.size) * c.weights());
  const Memory parts(depthwise_parts(c.size) *
                     static_cast<std::int64_t>(std::max(sizeof(Moments), sizeof(GradientSums))));
  const Memory counters(4 * (channels / kChannelUnit));
  bench.queue().clear(counters.data(), counters.bytes());
  const auto constant = [&](int i) { return constants.as<float>() + i * channels; };

  const auto forward = [&](int set) {
    const Buffers& buffers = sets[static_cast<std::size_t>(set)];
    DepthwiseForward<Bf16> work;
    work.in = {buffers.in.as<const Bf16>(), channels};
    work.in_norm = {constant(0), constant(1)};
    work.in_relu = true;
    work.weights = weights.as<const float>();
    work.out = {buffers.in_gradient.as<Bf16>(), channels};  // buffers.out is read below.
    work.channels = channels;
    work.images = stage.images;
    work.in_size = work.out_size = stage.size;
    work.out_norm = {constant(2), constant(3)};
    work.counted_images = stage.images;
    work.epsilon = 1e-5F;
    work.parts = parts.as<Moments>();
    work.counters = counters.as<unsigned>();
    depthwise_forward(bench.queue(), work, kernel, 1);
  };
  const auto backward = [&](int set) {
    const Buffers& buffers = sets[static_cast<std::size_t>(set)];
    DepthwiseBackward<Bf16> work;
    work.gradient = {buffers.gradient.as<const Bf16>(), channels};
    work.out = {buffers.out.as<const Bf16>(), channels};
    work.terms = {constant(4), constant(5), constant(6)};
    work.in = {buffers.in.as<const Bf16>(), channels};
    work.in_norm = {constant(0), constant(1)};
    work.in_relu = true;
    work.weights = weights.as<const float>();
    work.in_gradient = {buffers.in_gradient.as<Bf16>(), channels};
    work.weight_parts = weight_parts.as<float>();
    work.channels = channels;
    work.images = stage.images;
    work.in_size = work.out_size = stage.size;
    work.in_terms = {constant(7), constant(8), constant(9)};
    work.sum_parts = parts.as<GradientSums>();
    work.counters = counters.as<unsigned>();
    depthwise_backward(bench.queue(), work, kernel, 1);
  };
  const std::string name =
      stage.name + ", " + std::to_string(channels) + " channels, k" + std::to_string(kernel);
  const auto n = static_cast<double>(values);
  bench.time(name + " forward", 4.0 * n, 2.0 * n * c.taps(), count, forward);
  bench.time(name + " backward", 8.0 * n, 4.0 * n * c.taps(), count, backward);
}

}  // namespace

void check_depthwise_bf16(Bench& bench) {
  check_depthwise<Bf16>(bench);
}

void depthwise_checks(Bench& bench) {
  check_depthwise_bf16(bench);
  check_depthwise_fp16(bench);
  check_depthwise_fp32(bench);
}

void depthwise_times(Bench& bench) {
  for (const Stage& stage : training_stages()) {
    const std::vector<int> widths = inner_widths(stage.half());
    for (const int kernel : {3, 5, 7}) {
      for (std::size_t i = widths.size() - 2; i < widths.size(); ++i) {
        if (!bench.time_left()) return;
        time_both_ways(bench, stage, widths[i], kernel);
      }
    }
  }
}

}  // namespace hsconas::cuda::bench
