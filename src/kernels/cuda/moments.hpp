#pragma once

#include <cmath>
#include <cstdint>

#include "block.hpp"

namespace hsconas::cuda {

/// Count, mean and sum of squared differences from the mean of some values. A mean of squares in
/// fp32 would lose the variance of a channel whose mean is large.
struct Moments {
  float count;
  float mean;
  float squares;
};

/// Accumulates values one at a time, as differences from the first one.
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
    if (count == 0.0F) return {0.0F, 0.0F, 0.0F};
    const float shift = sum / count;
    const float rest = squares - sum * shift;
    return {count, pivot + shift, rest > 0.0F ? rest : 0.0F};
  }
};

/// Sums over several Moments. In double precision a mean of squares does not lose the variance.
struct MomentTotals {
  double count = 0.0;
  double sum = 0.0;
  double squares = 0.0;

  HSCONAS_DEVICE void add(const Moments& part) {
    const auto n = static_cast<double>(part.count);
    const auto mean = static_cast<double>(part.mean);
    count += n;
    sum += n * mean;
    squares += static_cast<double>(part.squares) + n * mean * mean;
  }
  HSCONAS_DEVICE void add(const MomentTotals& other) {
    count += other.count;
    sum += other.sum;
    squares += other.squares;
  }

  HSCONAS_DEVICE double mean() const { return count > 0.0 ? sum / count : 0.0; }
  HSCONAS_DEVICE double variance() const {
    if (!(count > 0.0)) return 0.0;
    const double m = mean();
    const double variance = squares / count - m * m;
    return variance < 0.0 ? 0.0 : variance;  // NaN stays NaN.
  }
  HSCONAS_DEVICE Moments moments() const {
    return {static_cast<float>(count), static_cast<float>(mean()),
            static_cast<float>(variance() * count)};
  }
};

/// Sums that the gradient of a batch norm needs: of g, the gradient at its normalised output y, and
/// of g * y (`along`).
struct GradientSums {
  float g;
  float along;
};

struct GradientTotals {
  double g = 0.0;
  double along = 0.0;

  HSCONAS_DEVICE void add(const GradientSums& part) {
    g += static_cast<double>(part.g);
    along += static_cast<double>(part.along);
  }
  HSCONAS_DEVICE void add(const GradientTotals& other) {
    g += other.g;
    along += other.along;
  }
};

/// Adds up the `count` parts of each of `channels` channels (at most Block::kThreads) and calls
/// `use(channel, totals)` for every channel. Part i of channel c is parts[i * stride + c]. All
/// threads of the block take part, in a fixed order; `shared` has room for one Totals per thread.
template <typename Totals, typename Block, typename Part, typename Use>
HSCONAS_DEVICE void total_parts(Block& block, const Part* parts, int count, std::int64_t stride,
                                int channels, Totals* shared, Use use) {
  const int rows = Block::kThreads / channels;
  block.each([&](int thread) {
    Totals total;
    const int c = thread % channels;
    const int row = thread / channels;
    if (row < rows) {
      int i = row;
      for (; i + 3 * rows < count; i += 4 * rows) {  // Four loads in flight at once.
        const Part four[4] = {parts[i * stride + c], parts[(i + rows) * stride + c],
                              parts[(i + 2 * rows) * stride + c],
                              parts[(i + 3 * rows) * stride + c]};
        HSCONAS_UNROLL
        for (int k = 0; k < 4; ++k) total.add(four[k]);
      }
      for (; i < count; i += rows) total.add(parts[i * stride + c]);
    }
    shared[thread] = total;
  });
  int reach = 1;
  while (reach < rows) reach *= 2;
  for (reach /= 2; reach > 0; reach /= 2) {
    block.each([&](int thread) {
      const int row = thread / channels;
      if (row < reach && row + reach < rows) shared[thread].add(shared[thread + reach * channels]);
    });
  }
  block.each([&](int thread) {
    if (thread < channels) use(thread, shared[thread]);
  });
}

/// Batch norm: normalised = scale * z + shift, per channel in memory.
struct Norm {
  float* scale = nullptr;  ///< nullptr: values stay as they are.
  float* shift = nullptr;
};

HSCONAS_DEVICE void set_norm(const Norm& norm, int channel, const MomentTotals& totals,
                             float epsilon) {
  const double scale = 1.0 / sqrt(totals.variance() + static_cast<double>(epsilon));
  norm.scale[channel] = static_cast<float>(scale);
  norm.shift[channel] = static_cast<float>(-totals.mean() * scale);
}

/// The gradient of a batch norm's input z, from the gradient g at its normalised output:
/// a * g + b * z + c per channel.
struct NormTerms {
  float* a = nullptr;  ///< nullptr: no batch norm; the gradient is g.
  float* b = nullptr;
  float* c = nullptr;
};

/// Sets the terms by dz = scale * (g - mean(g) - y * mean(g * y)), with y = scale * z + shift and
/// means over `count` values.
HSCONAS_DEVICE void set_terms(const NormTerms& terms, int channel, const GradientTotals& totals,
                              double count, const Norm& norm) {
  const auto s = static_cast<double>(norm.scale[channel]);
  const auto t = static_cast<double>(norm.shift[channel]);
  const double mean = totals.g / count;
  const double along = totals.along / count;
  terms.a[channel] = static_cast<float>(s);
  terms.b[channel] = static_cast<float>(-s * s * along);
  terms.c[channel] = static_cast<float>(-s * (mean + t * along));
}

}  // namespace hsconas::cuda
