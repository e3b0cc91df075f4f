#pragma once

#include <cmath>

#include "depthwise_tiles.hpp"

namespace hsconas::cuda {

/// The input of a forward pass: normalised, then ReLU.
template <typename T>
struct NormalisedSource {
  using Raw = Eight<T>;

  const T* in;
  int stride;
  bool has_norm;
  bool relu;
  const float* scale;  ///< Scale and shift of the group, in shared memory.
  const float* shift;

  HSCONAS_DEVICE Raw load(int pixel, int octet) const {
    return *reinterpret_cast<const Raw*>(in + (pixel * stride + octet * 8));
  }

  HSCONAS_DEVICE Eight<float> value(const Raw& raw, int octet) const {
    Eight<float> values;
    HSCONAS_UNROLL
    for (int i = 0; i < 8; ++i) values.values[i] = to_float(raw.values[i]);
    if (has_norm) {
      const auto a = *reinterpret_cast<const Eight<float>*>(scale + octet * 8);
      const auto b = *reinterpret_cast<const Eight<float>*>(shift + octet * 8);
      HSCONAS_UNROLL
      for (int i = 0; i < 8; ++i) values.values[i] = a.values[i] * values.values[i] + b.values[i];
    }
    if (relu) {
      HSCONAS_UNROLL
      for (int i = 0; i < 8; ++i) values.values[i] = fmaxf(values.values[i], 0.0F);
    }
    return values;
  }
};

template <typename T, int K, int S>
struct DepthwiseForwardKernel {
  using Shape = ForwardShape<K, S>;
  static constexpr int kThreads = kDepthwiseThreads;
  static constexpr int kBlocks = Shape::kBlocks;

  DepthwiseForward<T> work;
  DepthwiseTiles tiles;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    const int first_channel = block.y * tiles.group;
    const int rest = work.channels - first_channel;
    const int width = rest < tiles.group ? rest : tiles.group;
    float* weights = reinterpret_cast<float*>(block.shared);
    float* scale = weights + K * K * width;
    float* shift = scale + width;
    float* tile = shift + width;

    Local<Block, MomentSums> sums;
    block.each([&](int thread) {
      sums[thread] = MomentSums{};
      stage_weights(work.weights, K * K, work.channels, first_channel, width, thread, weights);
      if (work.in_norm.scale != nullptr && thread < width) {
        scale[thread] = work.in_norm.scale[first_channel + thread];
        shift[thread] = work.in_norm.shift[first_channel + thread];
      }
    });
    for (int index = block.x; index < tiles.tiles; index += block.blocks_x) {
      const DepthwisePlace place(tiles, work.images, index);
      block.each([&](int thread) {
        const std::int64_t first = pixels_before(place.first_image, work.in_size);
        const NormalisedSource<T> source{work.in.data + first * work.in.stride + first_channel,
                                         static_cast<int>(work.in.stride),
                                         work.in_norm.scale != nullptr,
                                         work.in_relu,
                                         scale,
                                         shift};
        const int top = place.band * Shape::kRows * S - K / 2;
        const int left = place.strip * Shape::kColumns * S - K / 2;
        stage_tile(source, tiles, place.images, top, left, work.in_size, width, thread, tile);
      });
      block.each([&](int thread) {
        const DepthwiseLane lane(thread, width);
        if (lane.is_used()) compute(place, lane, first_channel, width, weights, tile, sums[thread]);
      });
    }
    if (work.out_norm.scale != nullptr) finish(block, first_channel, width, sums);
  }

 private:
  using Unit = float[Shape::kRows][Shape::kColumns];

  /// Computes the units of one thread in one tile.
  HSCONAS_DEVICE void compute(const DepthwisePlace& place, const DepthwiseLane& lane,
                              int first_channel, int width, const float* weights, const float* tile,
                              MomentSums& sums) const {
    const int units = place.images * tiles.bands * tiles.strips;
    for (int unit = lane.slot; unit < units; unit += lane.slots) {
      const DepthwiseUnitPlace at(tiles, unit);
      const int x = (place.strip + at.strip) * Shape::kColumns;
      const int y = (place.band + at.band) * Shape::kRows;
      const int columns = work.out_size - x;
      const int rows = work.out_size - y;
      if (columns <= 0 || rows <= 0) continue;

      const int row = at.image * tiles.source_rows + at.band * Shape::kRows * S;
      const int column = at.strip * Shape::kColumns * S;
      Unit out = {};
      convolve(weights + lane.channel, width,
               tile + (row * tiles.source_columns + column) * width + lane.channel, out);
      const int image = place.first_image + at.image;
      const std::int64_t pixel = pixels_before(image, work.out_size) + (y * work.out_size + x);
      T* to = work.out.data + pixel * work.out.stride + first_channel + lane.channel;
      const bool counted = work.out_norm.scale != nullptr && image < work.counted_images;
      if (columns >= Shape::kColumns && rows >= Shape::kRows) {
        write<true>(to, Shape::kColumns, Shape::kRows, counted, out, sums);
      } else {
        write<false>(to, columns, rows, counted, out, sums);
      }
    }
  }

  HSCONAS_DEVICE void convolve(const float* weights, int width, const float* tile,
                               Unit& out) const {
    const int line = tiles.source_columns * width;
    HSCONAS_UNROLL
    for (int row = 0; row < Shape::kSourceRows; ++row) {
      float in[Shape::kSourceColumns];
      HSCONAS_UNROLL
      for (int i = 0; i < Shape::kSourceColumns; ++i) in[i] = tile[row * line + i * width];
      HSCONAS_UNROLL
      for (int j = 0; j < Shape::kRows; ++j) {
        const int ky = row - j * S;
        if (ky < 0 || ky >= K) continue;
        HSCONAS_UNROLL
        for (int kx = 0; kx < K; ++kx) {
          const float weight = weights[(ky * K + kx) * width];
          HSCONAS_UNROLL
          for (int i = 0; i < Shape::kColumns; ++i) out[j][i] += in[i * S + kx] * weight;
        }
      }
    }
  }

  /// Writes a unit; unless it is `Whole`, only `columns` x `rows` of its pixels lie in the image.
  template <bool Whole>
  HSCONAS_DEVICE void write(T* to, int columns, int rows, bool counted, Unit& out,
                            MomentSums& sums) const {
    const int stride = static_cast<int>(work.out.stride);
    const int line = work.out_size * stride;
    HSCONAS_UNROLL
    for (int j = 0; j < Shape::kRows; ++j) {
      if (!Whole && j >= rows) break;
      HSCONAS_UNROLL
      for (int i = 0; i < Shape::kColumns; ++i) {
        const T value = from_float<T>(out[j][i]);
        out[j][i] = to_float(value);
        if (Whole || i < columns) to[j * line + i * stride] = value;
      }
    }
    if (!counted) return;
    if (sums.count == 0.0F) sums.pivot = out[0][0];
    if (columns > Shape::kColumns) columns = Shape::kColumns;
    if (rows > Shape::kRows) rows = Shape::kRows;
    sums.count += static_cast<float>(columns * rows);
    HSCONAS_UNROLL
    for (int j = 0; j < Shape::kRows; ++j) {
      if (!Whole && j >= rows) break;
      HSCONAS_UNROLL
      for (int i = 0; i < Shape::kColumns; ++i) {
        const float difference = Whole || i < columns ? out[j][i] - sums.pivot : 0.0F;
        sums.sum += difference;
        sums.squares += difference * difference;
      }
    }
  }

  /// Pools the moments of the block. The last block of the group then pools those of all blocks and
  /// writes the batch norm.
  template <typename Block>
  HSCONAS_DEVICE void finish(Block& block, int first_channel, int width,
                             Local<Block, MomentSums>& sums) const {
    auto* totals = reinterpret_cast<MomentTotals*>(block.shared);
    auto* moments = reinterpret_cast<Moments*>(totals + kThreads);
    block.each([&](int thread) { moments[thread] = sums[thread].moments(); });
    Moments* parts = work.parts + first_channel;
    total_parts(block, moments, kThreads / width, width, width, totals,
                [&](int channel, const MomentTotals& total) {
                  parts[std::int64_t{block.x} * work.channels + channel] = total.moments();
                });
    if (!block.is_last(work.counters + block.y, block.blocks_x)) return;
    total_parts(block, parts, block.blocks_x, work.channels, width, totals,
                [&](int channel, const MomentTotals& total) {
                  set_norm(work.out_norm, first_channel + channel, total, work.epsilon);
                });
  }
};

template <int K, int S, typename Queue, typename T>
void launch_depthwise_forward(Queue& queue, const DepthwiseForward<T>& work) {
  const DepthwiseTiles tiles =
      forward_tiles({work.channels, work.images, work.in_size, K, S, queue.multiprocessors()});
  const DepthwiseForwardKernel<T, K, S> kernel{work, tiles};
  queue.launch(kernel, Grid{tiles.blocks, tiles.groups}, tiles.shared_bytes);
}

template <typename Queue, typename T>
void depthwise_forward(Queue& queue, const DepthwiseForward<T>& work, int kernel, int stride) {
  for_depthwise(kernel, stride,
                [&](auto k, auto s) { launch_depthwise_forward<k, s>(queue, work); });
}

}  // namespace hsconas::cuda
