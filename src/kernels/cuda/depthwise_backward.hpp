#pragma once

#include <cmath>

#include "depthwise_tiles.hpp"

namespace hsconas::cuda {

/// The gradient at a convolution's output before batch norm.
template <typename T>
struct OutGradientSource {
  struct Raw {
    Eight<T> gradient;
    Eight<T> out;
  };

  const T* gradient;
  const T* out;  ///< nullptr: there are no terms.
  int gradient_stride;
  int out_stride;
  const float* a;  ///< Terms of the group, in shared memory.
  const float* b;
  const float* c;

  HSCONAS_DEVICE Raw load(int pixel, int octet) const {
    Raw raw;
    raw.gradient =
        *reinterpret_cast<const Eight<T>*>(gradient + (pixel * gradient_stride + octet * 8));
    if (out != nullptr) {
      raw.out = *reinterpret_cast<const Eight<T>*>(out + (pixel * out_stride + octet * 8));
    }
    return raw;
  }

  HSCONAS_DEVICE Eight<float> value(const Raw& raw, int octet) const {
    Eight<float> values;
    HSCONAS_UNROLL
    for (int i = 0; i < 8; ++i) values.values[i] = to_float(raw.gradient.values[i]);
    if (out == nullptr) return values;
    const auto of_gradient = *reinterpret_cast<const Eight<float>*>(a + octet * 8);
    const auto of_out = *reinterpret_cast<const Eight<float>*>(b + octet * 8);
    const auto constant = *reinterpret_cast<const Eight<float>*>(c + octet * 8);
    HSCONAS_UNROLL
    for (int i = 0; i < 8; ++i) {
      values.values[i] = of_gradient.values[i] * values.values[i] +
                         (of_out.values[i] * to_float(raw.out.values[i]) + constant.values[i]);
    }
    return values;
  }
};

template <typename T, int K, int S>
struct DepthwiseBackwardKernel {
  using Shape = BackwardShape<K, S>;
  static constexpr int kThreads = kDepthwiseThreads;
  static constexpr int kBlocks = Shape::kBlocks;

  DepthwiseBackward<T> work;
  DepthwiseTiles tiles;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    const int first_channel = block.y * tiles.group;
    const int rest = work.channels - first_channel;
    const int width = rest < tiles.group ? rest : tiles.group;
    float* weights = reinterpret_cast<float*>(block.shared);
    float* terms = weights + K * K * width;
    float* norm = terms + 3 * width;
    float* tile = norm + 2 * width;

    Local<Block, Sums> sums;
    Local<Block, RawUnit> ahead;
    block.each([&](int thread) {
      sums[thread] = Sums{};
      stage_weights(work.weights, K * K, work.channels, first_channel, width, thread, weights);
      if (work.terms.a != nullptr && thread < width) {
        terms[thread] = work.terms.a[first_channel + thread];
        terms[width + thread] = work.terms.b[first_channel + thread];
        terms[2 * width + thread] = work.terms.c[first_channel + thread];
      }
      if (thread < width) {
        const bool has_norm = work.in_norm.scale != nullptr;
        norm[thread] = has_norm ? work.in_norm.scale[first_channel + thread] : 1.0F;
        norm[width + thread] = has_norm ? work.in_norm.shift[first_channel + thread] : 0.0F;
      }
    });
    for (int index = block.x; index < tiles.tiles; index += block.blocks_x) {
      const DepthwisePlace place(tiles, work.images, index);
      block.each([&](int thread) {
        // The input of the first unit is loaded together with the tile.
        const DepthwiseLane lane(thread, width);
        if (lane.is_used()) read(place, lane.slot, first_channel + lane.channel, ahead[thread]);
        stage(place, first_channel, width, thread, terms, tile);
      });
      block.each([&](int thread) {
        const DepthwiseLane lane(thread, width);
        if (lane.is_used()) {
          compute(place, lane, first_channel, width, weights, norm + lane.channel, tile,
                  ahead[thread], sums[thread]);
        }
      });
    }
    if (work.weight_parts != nullptr) finish_weights(block, first_channel, width, sums);
    if (has_sums()) finish_sums(block, first_channel, width, sums);
  }

 private:
  /// Sums of a thread over all its pixels.
  struct Sums {
    float weights[K * K] = {};
    GradientSums gradient = {};
  };

  /// Values of a unit.
  using Unit = float[Shape::kRows][Shape::kColumns];
  struct RawUnit {
    T values[Shape::kRows][Shape::kColumns];
  };

  HSCONAS_DEVICE bool has_sums() const {
    return work.in_norm.scale != nullptr && work.in_terms.a != nullptr;
  }

  HSCONAS_DEVICE void stage(const DepthwisePlace& place, int first_channel, int width, int thread,
                            const float* terms, float* tile) const {
    const std::int64_t first = pixels_before(place.first_image, work.out_size);
    const T* out = nullptr;
    if (work.terms.a != nullptr) out = work.out.data + first * work.out.stride + first_channel;
    const OutGradientSource<T> source{
        work.gradient.data + first * work.gradient.stride + first_channel,
        out,
        static_cast<int>(work.gradient.stride),
        static_cast<int>(work.out.stride),
        terms,
        terms + width,
        terms + 2 * width};
    const int top = place.band * Shape::kRows / S + Shape::kFirst;
    const int left = place.strip * Shape::kColumns / S + Shape::kFirst;
    stage_tile(source, tiles, place.images, top, left, work.out_size, width, thread, tile);
  }

  /// Reads the input of a unit, 0 outside the image.
  HSCONAS_DEVICE void read(const DepthwisePlace& place, int unit, int channel, RawUnit& raw) const {
    raw = {};
    if (work.weight_parts == nullptr && !work.in_relu && !has_sums()) return;
    const DepthwiseUnitPlace at(tiles, unit);
    const int x = (place.strip + at.strip) * Shape::kColumns;
    const int y = (place.band + at.band) * Shape::kRows;
    const int columns = work.in_size - x;
    const int rows = at.image < place.images ? work.in_size - y : 0;
    const std::int64_t pixel =
        pixels_before(place.first_image + at.image, work.in_size) + (y * work.in_size + x);
    const T* from = work.in.data + pixel * work.in.stride + channel;
    const int stride = static_cast<int>(work.in.stride);
    const int line = work.in_size * stride;
    HSCONAS_UNROLL
    for (int j = 0; j < Shape::kRows; ++j) {
      HSCONAS_UNROLL
      for (int i = 0; i < Shape::kColumns; ++i) {
        if (j < rows && i < columns) raw.values[j][i] = from[j * line + i * stride];
      }
    }
  }

  HSCONAS_DEVICE void compute(const DepthwisePlace& place, const DepthwiseLane& lane,
                              int first_channel, int width, const float* weights, const float* norm,
                              const float* tile, RawUnit& raw, Sums& sums) const {
    const int channel = first_channel + lane.channel;
    const int units = place.images * tiles.bands * tiles.strips;
    for (int unit = lane.slot; unit < units; unit += lane.slots) {
      const DepthwiseUnitPlace at(tiles, unit);
      const int x = (place.strip + at.strip) * Shape::kColumns;
      const int y = (place.band + at.band) * Shape::kRows;
      const int columns = work.in_size - x;
      const int rows = work.in_size - y;
      if (columns <= 0 || rows <= 0) continue;

      if (unit != lane.slot) read(place, unit, channel, raw);
      Unit in;
      normalise(raw, norm[0], norm[width], columns, rows, in);
      const int row = at.image * tiles.source_rows + at.band * Shape::kRows / S;
      const int column = at.strip * Shape::kColumns / S;
      Unit gradient = {};
      convolve(weights + lane.channel, width,
               tile + (row * tiles.source_columns + column) * width + lane.channel, in, gradient,
               sums);
      if (work.in_gradient.data == nullptr) continue;
      const std::int64_t pixel =
          pixels_before(place.first_image + at.image, work.in_size) + (y * work.in_size + x);
      T* to = work.in_gradient.data + pixel * work.in_gradient.stride + channel;
      if (columns >= Shape::kColumns && rows >= Shape::kRows) {
        write<true>(to, columns, rows, in, gradient, sums.gradient);
      } else {
        write<false>(to, columns, rows, in, gradient, sums.gradient);
      }
    }
  }

  /// The normalised input of a unit; 0 outside the image.
  HSCONAS_DEVICE void normalise(const RawUnit& raw, float scale, float shift, int columns, int rows,
                                Unit& in) const {
    const float least = work.in_relu ? 0.0F : -INFINITY;
    HSCONAS_UNROLL
    for (int j = 0; j < Shape::kRows; ++j) {
      HSCONAS_UNROLL
      for (int i = 0; i < Shape::kColumns; ++i) {
        const float value = fmaxf(scale * to_float(raw.values[j][i]) + shift, least);
        in[j][i] = j < rows && i < columns ? value : 0.0F;
      }
    }
  }

  /// Adds the products of all taps to the gradients of the input and of the weights.
  HSCONAS_DEVICE void convolve(const float* weights, int width, const float* tile, const Unit& in,
                               Unit& gradient, Sums& sums) const {
    const int line = tiles.source_columns * width;
    HSCONAS_UNROLL
    for (int row = 0; row < Shape::kSourceRows; ++row) {
      float out[Shape::kSourceColumns];
      HSCONAS_UNROLL
      for (int i = 0; i < Shape::kSourceColumns; ++i) out[i] = tile[row * line + i * width];
      HSCONAS_UNROLL
      for (int j = 0; j < Shape::kRows; ++j) {
        HSCONAS_UNROLL
        for (int ky = 0; ky < K; ++ky) {
          if (Shape::output(j, ky) != row) continue;
          HSCONAS_UNROLL
          for (int kx = 0; kx < K; ++kx) {
            const float weight = weights[(ky * K + kx) * width];
            HSCONAS_UNROLL
            for (int i = 0; i < Shape::kColumns; ++i) {
              const int column = Shape::output(i, kx);
              if (column < 0) continue;
              gradient[j][i] += out[column] * weight;
              sums.weights[ky * K + kx] += out[column] * in[j][i];
            }
          }
        }
      }
    }
  }

  /// Writes the gradient of a unit; unless it is `Whole`, only `columns` x `rows` of its pixels lie
  /// in the image.
  template <bool Whole>
  HSCONAS_DEVICE void write(T* to, int columns, int rows, const Unit& in, const Unit& gradient,
                            GradientSums& sums) const {
    const int stride = static_cast<int>(work.in_gradient.stride);
    const int line = work.in_size * stride;
    const bool relu = work.in_relu;
    HSCONAS_UNROLL
    for (int j = 0; j < Shape::kRows; ++j) {
      if (!Whole && j >= rows) break;
      HSCONAS_UNROLL
      for (int i = 0; i < Shape::kColumns; ++i) {
        if (!Whole && i >= columns) break;
        T* value = to + (j * line + i * stride);
        float sum = relu && !(in[j][i] > 0.0F) ? 0.0F : gradient[j][i];
        if (work.accumulate) sum += to_float(*value);
        const T rounded = from_float<T>(sum);
        *value = rounded;
        sums.g += to_float(rounded);
        sums.along += to_float(rounded) * in[j][i];
      }
    }
  }

  /// Sums the weights' gradients over the threads of the block, a row of taps at a time.
  template <typename Block>
  HSCONAS_DEVICE void finish_weights(Block& block, int first_channel, int width,
                                     Local<Block, Sums>& sums) const {
    auto* shared = reinterpret_cast<float*>(block.shared);
    const int slots = kDepthwiseThreads / width;
    HSCONAS_UNROLL
    for (int ky = 0; ky < K; ++ky) {
      block.each([&](int thread) {
        HSCONAS_UNROLL
        for (int kx = 0; kx < K; ++kx) {
          shared[kx * kDepthwiseThreads + thread] = sums[thread].weights[ky * K + kx];
        }
      });
      block.each([&](int thread) {
        for (int i = thread; i < K * width; i += kDepthwiseThreads) {
          const int kx = i / width;
          const int channel = i - kx * width;
          float sum = 0.0F;
          for (int slot = 0; slot < slots; ++slot) {
            sum += shared[kx * kDepthwiseThreads + slot * width + channel];
          }
          const std::int64_t tap = std::int64_t{block.x} * K * K + ky * K + kx;
          work.weight_parts[tap * work.channels + first_channel + channel] = sum;
        }
      });
    }
  }

  /// Sums g and g * y over the block. The last block of the group then sums those of all blocks and
  /// writes the terms of the input's batch norm.
  template <typename Block>
  HSCONAS_DEVICE void finish_sums(Block& block, int first_channel, int width,
                                  Local<Block, Sums>& sums) const {
    auto* totals = reinterpret_cast<GradientTotals*>(block.shared);
    auto* own = reinterpret_cast<GradientSums*>(totals + kThreads);
    block.each([&](int thread) { own[thread] = sums[thread].gradient; });
    GradientSums* parts = work.sum_parts + first_channel;
    total_parts(block, own, kThreads / width, width, width, totals,
                [&](int channel, const GradientTotals& total) {
                  parts[std::int64_t{block.x} * work.channels + channel] = {
                      static_cast<float>(total.g), static_cast<float>(total.along)};
                });
    if (!block.is_last(work.counters + block.y, block.blocks_x)) return;
    const double count = static_cast<double>(work.images) * work.in_size * work.in_size;
    total_parts(block, parts, block.blocks_x, work.channels, width, totals,
                [&](int channel, const GradientTotals& total) {
                  set_terms(work.in_terms, first_channel + channel, total, count, work.in_norm);
                });
  }
};

template <int K, int S, typename Queue, typename T>
void launch_depthwise_backward(Queue& queue, const DepthwiseBackward<T>& work) {
  const DepthwiseTiles tiles =
      backward_tiles({work.channels, work.images, work.in_size, K, S, queue.multiprocessors()});
  const DepthwiseBackwardKernel<T, K, S> kernel{work, tiles};
  queue.launch(kernel, Grid{tiles.blocks, tiles.groups}, tiles.shared_bytes);
}

template <typename Queue, typename T>
void depthwise_backward(Queue& queue, const DepthwiseBackward<T>& work, int kernel, int stride) {
  for_depthwise(kernel, stride,
                [&](auto k, auto s) { launch_depthwise_backward<k, s>(queue, work); });
}

}  // namespace hsconas::cuda
