#pragma once

#include "depthwise_tiles.hpp"

namespace hsconas::cuda {

/// The input of a forward pass: normalised, then ReLU.
template <typename T>
struct NormalisedSource {
  using Raw = Eight<T>;
  struct Terms {
    Eight<float> scale;
    Eight<float> shift;
  };

  Pixels<const T> in;
  int first_channel;
  bool has_norm;
  bool relu;
  const float* scale;  ///< Of the group, in shared memory.
  const float* shift;

  HSCONAS_DEVICE Terms terms(int octet) const {
    if (!has_norm) return {};
    return {*reinterpret_cast<const Eight<float>*>(scale + octet * 8),
            *reinterpret_cast<const Eight<float>*>(shift + octet * 8)};
  }

  HSCONAS_DEVICE Raw load(std::int64_t pixel, int octet) const {
    return *reinterpret_cast<const Raw*>(in.data + pixel * in.stride + first_channel + octet * 8);
  }

  HSCONAS_DEVICE Eight<float> value(const Raw& raw, const Terms& terms) const {
    Eight<float> values;
    HSCONAS_UNROLL
    for (int i = 0; i < 8; ++i) {
      float value = to_float(raw.values[i]);
      if (has_norm) value = terms.scale.values[i] * value + terms.shift.values[i];
      if (relu && !(value > 0.0F)) value = 0.0F;
      values.values[i] = value;
    }
    return values;
  }
};

template <typename T, int K, int S>
struct DepthwiseForwardKernel {
  using Shape = ForwardShape<K, S>;
  static constexpr int kThreads = kDepthwiseThreads;

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
        const NormalisedSource<T> source{work.in,      first_channel, work.in_norm.scale != nullptr,
                                         work.in_relu, scale,         shift};
        const int top = place.band * Shape::kRows * S - K / 2;
        const int left = place.strip * Shape::kColumns * S - K / 2;
        stage_tile(source, tiles, place, top, left, work.in_size, width, thread, tile);
      });
      block.each([&](int thread) {
        const DepthwiseLane lane(thread, width);
        if (lane.is_used()) compute(place, lane, first_channel, width, weights, tile, sums[thread]);
      });
    }
    if (work.out_norm.scale != nullptr) finish(block, first_channel, width, sums);
  }

 private:
  /// The units of one thread in one tile.
  HSCONAS_DEVICE void compute(const DepthwisePlace& place, const DepthwiseLane& lane,
                              int first_channel, int width, const float* weights, const float* tile,
                              MomentSums& sums) const {
    const int units = place.images * tiles.bands * tiles.strips;
    for (int unit = lane.slot; unit < units; unit += lane.slots) {
      const int line = unit / tiles.strips;
      const int strip = unit - line * tiles.strips;
      const int image = line / tiles.bands;
      const int band = line - image * tiles.bands;
      const int x = (place.strip + strip) * Shape::kColumns;
      const int y = (place.band + band) * Shape::kRows;
      if (x >= work.out_size || y >= work.out_size) continue;

      const int row = image * tiles.source_rows + band * Shape::kRows * S;
      const int column = strip * Shape::kColumns * S;
      float out[Shape::kRows][Shape::kColumns] = {};
      convolve(weights + lane.channel, width,
               tile + (row * tiles.source_columns + column) * width + lane.channel, out);
      const std::int64_t pixel =
          std::int64_t{place.first_image + image} * work.out_size * work.out_size +
          (y * work.out_size + x);
      const bool counted =
          work.out_norm.scale != nullptr && place.first_image + image < work.counted_images;
      write(work.out.data + pixel * work.out.stride + first_channel + lane.channel,
            work.out_size - x, work.out_size - y, counted, out, sums);
    }
  }

  HSCONAS_DEVICE void convolve(const float* weights, int width, const float* tile,
                               float (&out)[Shape::kRows][Shape::kColumns]) const {
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

  /// Writes a unit, of which only `columns` x `rows` pixels may lie in the image.
  HSCONAS_DEVICE void write(T* to, int columns, int rows, bool counted,
                            float (&out)[Shape::kRows][Shape::kColumns], MomentSums& sums) const {
    const int stride = static_cast<int>(work.out.stride);
    HSCONAS_UNROLL
    for (int j = 0; j < Shape::kRows; ++j) {
      HSCONAS_UNROLL
      for (int i = 0; i < Shape::kColumns; ++i) {
        const T value = from_float<T>(out[j][i]);
        out[j][i] = to_float(value);
        if (j < rows && i < columns) to[(j * work.out_size + i) * stride] = value;
      }
    }
    if (!counted) return;
    if (sums.count == 0.0F) sums.pivot = out[0][0];
    sums.count += static_cast<float>((columns < Shape::kColumns ? columns : Shape::kColumns) *
                                     (rows < Shape::kRows ? rows : Shape::kRows));
    HSCONAS_UNROLL
    for (int j = 0; j < Shape::kRows; ++j) {
      HSCONAS_UNROLL
      for (int i = 0; i < Shape::kColumns; ++i) {
        const float difference = j < rows && i < columns ? out[j][i] - sums.pivot : 0.0F;
        sums.sum += difference;
        sums.squares += difference * difference;
      }
    }
  }

  /// Pools the moments of the block; the last block of the group pools those of all and leaves the
  /// batch norm.
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
