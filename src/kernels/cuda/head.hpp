#pragma once

#include <cmath>
#include <cstdint>

#include "activations.hpp"
#include "weights.hpp"

// Kernels for a network's two ends: its input, and everything behind the last convolution.
namespace hsconas::cuda {

/// Writes images as a matrix whose product with a dense convolution's weights is the convolution:
/// out [images * out_size^2][columns] has a row per output pixel with its window,
/// [taps][channels], then zeros.
template <typename T>
struct Patches {
  static constexpr int kThreads = 256;
  static constexpr int kEach = 8;  ///< Values that a thread writes at once.
  const float* images;             ///< [images][size][size][channels].
  T* out;
  int count;
  int size;
  int channels;
  int kernel;
  int stride;
  int out_size;
  int columns;  ///< A multiple of 8.

  Grid grid() const {
    const std::int64_t threads = std::int64_t{count} * out_size * out_size * (columns / kEach);
    const std::int64_t blocks = (threads + kThreads - 1) / kThreads;
    constexpr std::int64_t kMost = 1 << 20;
    return {static_cast<int>(blocks < kMost ? blocks : kMost), 1};
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      const int groups = columns / kEach;
      const std::int64_t all = std::int64_t{count} * out_size * out_size * groups;
      for (std::int64_t i = std::int64_t{block.x} * kThreads + thread; i < all;
           i += std::int64_t{block.blocks_x} * kThreads) {
        const std::int64_t pixel = i / groups;
        const int group = static_cast<int>(i % groups);
        const int x = static_cast<int>(pixel % out_size) * stride - kernel / 2;
        const int y = static_cast<int>(pixel / out_size % out_size) * stride - kernel / 2;
        const float* image =
            images + pixel / (std::int64_t{out_size} * out_size) * size * size * channels;
        int tap = group * kEach / channels;
        int channel = group * kEach % channels;
        Eight<T> values;
        HSCONAS_UNROLL
        for (int k = 0; k < kEach; ++k) {
          values.values[k] = from_float<T>(value(image, y, x, tap, channel));
          if (++channel == channels) {
            channel = 0;
            ++tap;
          }
        }
        *reinterpret_cast<Eight<T>*>(out + pixel * columns + group * kEach) = values;
      }
    });
  }

  HSCONAS_DEVICE float value(const float* image, int y, int x, int tap, int channel) const {
    if (tap >= kernel * kernel) return 0.0F;
    const int row = y + tap / kernel;
    const int at = x + tap % kernel;
    if (row < 0 || row >= size || at < 0 || at >= size) return 0.0F;
    return image[(row * size + at) * channels + channel];
  }
};

/// The factor of dropout for value `index` of a step: 0 with probability `probability`, else
/// 1 / (1 - probability). The random bits are those of SplitMix64 (Steele, Lea and Flood, 2014).
HSCONAS_DEVICE float dropout_factor(std::uint64_t seed, std::uint64_t index, float probability) {
  std::uint64_t x = seed + (index + 1) * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  x ^= x >> 31U;
  const float uniform = static_cast<float>(x >> 40U) * (1.0F / 16777216.0F);
  return uniform < probability ? 0.0F : 1.0F / (1.0F - probability);
}

/// to [images][channels] = the average over the activated pixels of every image, then dropout.
template <typename T>
struct AveragePixels {
  static constexpr int kThreads = 128;
  Activated<T> in;
  float* to;
  int pixels;  ///< Pixels of an image.
  int channels;
  float dropout;  ///< Probability that a value is dropped; 0: no dropout.
  std::uint64_t seed;

  static Grid grid(int images, int channels) {
    return {images, (channels / 2 + kThreads - 1) / kThreads};
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      const int m = 2 * (block.y * kThreads + thread);
      if (m >= channels) return;
      float sum[2] = {0.0F, 0.0F};
      const std::int64_t first = std::int64_t{block.x} * pixels;
#if defined(__CUDACC__)
#pragma unroll 4
#endif
      for (int p = 0; p < pixels; ++p) {
        sum[0] += in.value(first + p, m);
        sum[1] += in.value(first + p, m + 1);
      }
      const std::int64_t at = std::int64_t{block.x} * channels + m;
      for (int i = 0; i < 2; ++i) {
        float value = sum[i] / static_cast<float>(pixels);
        if (dropout > 0.0F) {
          value *= dropout_factor(seed, static_cast<std::uint64_t>(at + i), dropout);
        }
        to[at + i] = value;
      }
    });
  }
};

/// Multiplies values [count] by their dropout factors.
struct DropGradient {
  static constexpr int kThreads = 256;
  float* values;
  std::int64_t count;
  float dropout;
  std::uint64_t seed;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      const std::int64_t i = std::int64_t{block.x} * kThreads + thread;
      if (i < count) values[i] *= dropout_factor(seed, static_cast<std::uint64_t>(i), dropout);
    });
  }
};

/// values [rows][columns] += bias.
struct AddBias {
  static constexpr int kThreads = 256;
  float* values;
  const float* bias;
  std::int64_t count;
  int columns;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      const std::int64_t i = std::int64_t{block.x} * kThreads + thread;
      if (i < count) values[i] += bias[i % columns];
    });
  }
};

/// to [columns] = the sums of the columns of values [rows][columns], added up in row order.
struct SumColumns {
  static constexpr int kThreads = 64;
  const float* values;
  float* to;
  int rows;
  int columns;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      const int column = block.x * kThreads + thread;
      if (column >= columns) return;
      float sum = 0.0F;
      for (int row = 0; row < rows; ++row) sum += values[std::int64_t{row} * columns + column];
      to[column] = sum;
    });
  }
};

/// A value and its place, to find the largest one. Of equal values the one at the lower place
/// counts; NaN is larger than any number.
struct Largest {
  float value;
  int place;

  HSCONAS_DEVICE void take(const Largest& other) {
    const bool is_more = other.value > value || (other.value != other.value && value == value);
    if (is_more || (other.value == value && other.place < place)) *this = other;
  }
};

/// Moves the largest over the threads of a block to shared[0].
template <typename Block>
HSCONAS_DEVICE void reduce_largest(Block& block, Largest* shared) {
  for (int reach = Block::kThreads / 2; reach > 0; reach /= 2) {
    block.each([&](int thread) {
      if (thread < reach) shared[thread].take(shared[thread + reach]);
    });
  }
}

HSCONAS_DEVICE Largest largest_of_row(const float* row, int classes, int thread, int threads) {
  Largest largest{-INFINITY, classes};
  for (int k = thread; k < classes; k += threads) largest.take({row[k], k});
  return largest;
}

/// Mean cross entropy with label smoothing, and its gradient; one block per image.
struct CrossEntropy {
  static constexpr int kThreads = 128;
  const float* logits;  ///< [images][classes].
  const std::int64_t* labels;
  int classes;
  float smoothing;
  float* gradient;  ///< [images][classes].
  float* losses;    ///< One per image.
  float* loss;
  unsigned* counter;

  static int shared_bytes() {
    return kThreads * static_cast<int>(sizeof(Total) + sizeof(Largest) + 2 * sizeof(float));
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* totals = reinterpret_cast<Total*>(block.shared);
    auto* largest = reinterpret_cast<Largest*>(totals + kThreads);
    auto* sums = reinterpret_cast<float*>(largest + kThreads);
    const float* row = logits + std::int64_t{block.x} * classes;
    block.each(
        [&](int thread) { largest[thread] = largest_of_row(row, classes, thread, kThreads); });
    reduce_largest(block, largest);
    block.each([&](int thread) {
      const float most = largest[0].value;
      float powers = 0.0F;
      float plain = 0.0F;
      for (int k = thread; k < classes; k += kThreads) {
        powers += expf(row[k] - most);
        plain += row[k] - most;
      }
      sums[2 * thread] = powers;
      sums[2 * thread + 1] = plain;
    });
    for (int reach = kThreads / 2; reach > 0; reach /= 2) {
      block.each([&](int thread) {
        if (thread >= 2 * reach) return;
        sums[thread] += sums[thread + 2 * reach];
      });
    }
    block.each([&](int thread) {
      const float most = largest[0].value;
      const float log_sum = logf(sums[0]);
      const auto label = static_cast<int>(labels[block.x]);
      const float each = smoothing / static_cast<float>(classes);
      const float images = static_cast<float>(block.blocks_x);
      float* to = gradient + std::int64_t{block.x} * classes;
      for (int k = thread; k < classes; k += kThreads) {
        const float wanted = each + (k == label ? 1.0F - smoothing : 0.0F);
        to[k] = (expf(row[k] - most - log_sum) - wanted) / images;
      }
      if (thread != 0) return;
      const float right = row[label] - most - log_sum;
      const float all = sums[1] - static_cast<float>(classes) * log_sum;
      losses[block.x] = -(1.0F - smoothing) * right - each * all;
    });
    if (!block.is_last(counter, block.blocks_x)) return;
    total_parts(block, losses, block.blocks_x, 1, 1, totals, [&](int, const Total& total) {
      *loss = static_cast<float>(total.sum / static_cast<double>(block.blocks_x));
    });
  }
};

/// right [images] = 1 if the largest logit is that of the label, 2 if it is not finite, else 0.
struct CheckAnswers {
  static constexpr int kThreads = 128;
  const float* logits;  ///< [images][classes].
  const std::int64_t* labels;
  int classes;
  std::uint8_t* right;

  static int shared_bytes() { return kThreads * static_cast<int>(sizeof(Largest)); }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* largest = reinterpret_cast<Largest*>(block.shared);
    const float* row = logits + std::int64_t{block.x} * classes;
    block.each(
        [&](int thread) { largest[thread] = largest_of_row(row, classes, thread, kThreads); });
    reduce_largest(block, largest);
    block.each([&](int thread) {
      if (thread != 0) return;
      const bool is_finite = largest[0].value - largest[0].value == 0.0F;
      const bool is_right = largest[0].place == static_cast<int>(labels[block.x]);
      right[block.x] = static_cast<std::uint8_t>(!is_finite ? 2 : (is_right ? 1 : 0));
    });
  }
};

}  // namespace hsconas::cuda
