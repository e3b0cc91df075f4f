#pragma once

#include "block.hpp"

namespace hsconas::cuda {

/// Count, mean and sum of squared differences from the mean of some values. A mean of squares would
/// lose the variance of a channel whose mean is large.
struct Moments {
  float count = 0.0F;
  float mean = 0.0F;
  float squares = 0.0F;
};

/// Takes values one at a time, relative to the first of them.
struct MomentSums {
  float pivot = 0.0F;
  float count = 0.0F;
  float sum = 0.0F;
  float squares = 0.0F;

  HSCONAS_DEVICE void add(float value) {
    if (count == 0.0F) pivot = value;
    const float difference = value - pivot;
    count += 1.0F;
    sum += difference;
    squares += difference * difference;
  }

  HSCONAS_DEVICE Moments moments() const {
    if (count == 0.0F) return {};
    const float shift = sum / count;
    const float rest = squares - sum * shift;
    return {count, pivot + shift, rest > 0.0F ? rest : 0.0F};
  }
};

/// The moments of both sets of values together (Chan, Golub and LeVeque, 1983).
HSCONAS_DEVICE Moments pooled(const Moments& a, const Moments& b) {
  if (a.count == 0.0F) return b;
  if (b.count == 0.0F) return a;
  const float count = a.count + b.count;
  const float difference = b.mean - a.mean;
  const float share = b.count / count;
  return {count, a.mean + difference * share,
          a.squares + b.squares + difference * difference * a.count * share};
}

/// Batch norm as a kernel applies it: normalised = scale * z + shift, per channel in memory.
struct Norm {
  float* scale = nullptr;  ///< nullptr: values stay as they are.
  float* shift = nullptr;
};

/// Pools the `parts` moments of one channel, `stride` apart, in their order and in double, and
/// leaves its batch norm in `norm` at `channel`.
HSCONAS_DEVICE void finish_norm(const Moments* parts, int count, std::int64_t stride,
                                float epsilon, const Norm& norm, int channel) {
  double n = 0.0;
  double mean = 0.0;
  double squares = 0.0;
  for (int i = 0; i < count; ++i) {
    const Moments& part = parts[i * stride];
    if (part.count == 0.0F) continue;
    const double both = n + static_cast<double>(part.count);
    const double difference = static_cast<double>(part.mean) - mean;
    const double share = static_cast<double>(part.count) / both;
    squares += static_cast<double>(part.squares) + difference * difference * n * share;
    mean += difference * share;
    n = both;
  }
  const double variance = n > 0.0 ? squares / n : 0.0;
  const double scale = 1.0 / sqrt(variance + static_cast<double>(epsilon));
  norm.scale[channel] = static_cast<float>(scale);
  norm.shift[channel] = static_cast<float>(-mean * scale);
}

}  // namespace hsconas::cuda
