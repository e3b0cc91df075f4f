#pragma once

#include "block.hpp"
#include "hsconas/kernels/image_feed.hpp"
#include "hsconas/kernels/triangle_filter.hpp"

// Kernels that turn bytes into network inputs. The values are those of data/transform.cpp and
// data/resize.cpp bit by bit: the same operations in the same order, without fused multiply-adds.
namespace hsconas::cuda {

/// Shifts and mirrors squares; also writes the labels. The grid is images x parts of an image.
template <int kChannels>
struct ShiftedImages {
  static constexpr int kThreads = 256;
  static constexpr int kValuesEach = 12;  ///< Values per thread.
  const ImageRecord* records;
  const std::uint8_t* bytes;  ///< ImageRecord::at counts from here.
  const float* value_of;      ///< [channels][256].
  int side;
  float* out;  ///< [images, side, side, channels].
  std::int64_t* labels;

  static Grid grid(int images, int side) {
    constexpr int kPart = kThreads * kValuesEach;
    return {images, (side * side * kChannels + kPart - 1) / kPart};
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      const ImageRecord& record = records[block.x];
      if (block.y == 0 && thread == 0) labels[block.x] = record.label;
      const int values = side * side * kChannels;
      const std::uint8_t* image = bytes + record.at;
      float* to = out + std::int64_t{block.x} * values;
      const int first = block.y * kThreads * kValuesEach + thread;
      for (int k = 0; k < kValuesEach; ++k) {
        const int i = first + k * kThreads;
        if (i >= values) return;
        const int c = i % kChannels;
        const int x = i / kChannels % side;
        const int from_y = i / kChannels / side + record.shift_y;
        const int from_x = (record.is_mirrored ? side - 1 - x : x) + record.shift_x;
        const bool is_inside = from_y >= 0 && from_y < side && from_x >= 0 && from_x < side;
        const int byte = is_inside ? image[(from_y * side + from_x) * kChannels + c] : 0;
        to[i] = value_of[c * 256 + byte];
      }
    });
  }
};

/// Resizes crops of any size to squares of `side` pixels, first along the rows, then along the
/// columns, rounded to bytes once at the end. The grid is images x tiles of an image.
template <int kChannels>
struct ResizedCrops {
  static constexpr int kThreads = 256;
  static constexpr int kColumns = 32;  ///< Columns of a tile.
  static constexpr int kRows = 32;
  const ImageRecord* records;
  const std::uint8_t* bytes;
  int side;
  std::uint8_t* out;  ///< [images, side, side, channels].

  static int tiles_across(int side) { return (side + kColumns - 1) / kColumns; }
  static Grid grid(int images, int side) {
    return {images, tiles_across(side) * ((side + kRows - 1) / kRows)};
  }
  static int shared_bytes() { return static_cast<int>((kColumns + kRows) * sizeof(Position)); }

  /// The input rows or columns of an output row or column.
  struct Position {
    int first;
    float weights[kMostCropWeights];
  };

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* across = reinterpret_cast<Position*>(block.shared);
    Position* down = across + kColumns;
    const ImageRecord& record = records[block.x];
    const int tiles = (side + kColumns - 1) / kColumns;
    const int left = block.y % tiles * kColumns;
    const int top = block.y / tiles * kRows;
    const TriangleFilter horizontal(record.width, side);
    const TriangleFilter vertical(record.height, side);
    block.each([&](int thread) {
      if (thread >= kColumns + kRows) return;
      const bool is_column = thread < kColumns;
      const int at = is_column ? left + thread : top + thread - kColumns;
      if (at >= side) return;
      Position& position = across[thread];
      position.first = (is_column ? horizontal : vertical).weigh(at, position.weights);
    });
    block.each([&](int thread) {
      const int x = left + thread % kColumns;
      const Position& column = across[thread % kColumns];
      for (int row = thread / kColumns; row < kRows; row += kThreads / kColumns) {
        const int y = top + row;
        if (x >= side || y >= side) return;
        float sums[kChannels];
        for (float& sum : sums) sum = 0.5F;
        const std::uint8_t* from =
            bytes + record.at +
            (std::int64_t{down[row].first} * record.width + column.first) * kChannels;
        for (int t = 0; t < vertical.taps; ++t) {
          const float weight = down[row].weights[t];
          if (weight != 0.0F) add_row(from, column, horizontal.taps, weight, sums);
          from += std::int64_t{record.width} * kChannels;
        }
        std::uint8_t* to = out + ((std::int64_t{block.x} * side + y) * side + x) * kChannels;
        for (int c = 0; c < kChannels; ++c) to[c] = to_byte(sums[c]);
      }
    });
  }

  /// Adds `weight` times the weighted mean of `taps` pixels of a row to `sums`.
  HSCONAS_DEVICE static void add_row(const std::uint8_t* pixel, const Position& column, int taps,
                                     float weight, float* sums) {
    float means[kChannels];
    for (float& mean : means) mean = 0.0F;
    for (int t = 0; t < taps; ++t, pixel += kChannels) {
      for (int c = 0; c < kChannels; ++c) {
        means[c] += rounded_product(column.weights[t], static_cast<float>(pixel[c]));
      }
    }
    for (int c = 0; c < kChannels; ++c) sums[c] += rounded_product(weight, means[c]);
  }

  HSCONAS_DEVICE static std::uint8_t to_byte(float value) {
    return static_cast<std::uint8_t>(value < 0.0F ? 0.0F : (value > 255.0F ? 255.0F : value));
  }
};

/// Changes the colours of squares, mirrors and normalises them; also writes the labels. There is
/// one block per image, because a change of contrast needs the mean of all pixels.
template <int kChannels>
struct JitteredImages {
  static constexpr int kThreads = 512;
  const ImageRecord* records;
  const std::uint8_t* squares;  ///< [images, side, side, channels].
  int side;
  float mean[kChannels];
  float deviation[kChannels];
  float* out;  ///< [images, side, side, channels].
  std::int64_t* labels;

  static int shared_bytes() { return kThreads * static_cast<int>(sizeof(double)); }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* sums = reinterpret_cast<double*>(block.shared);
    const ImageRecord& record = records[block.x];
    const int count = side * side;
    const std::uint8_t* image = squares + std::int64_t{block.x} * count * kChannels;
    // The mean grey of the image after the steps that precede the change of contrast. The order of
    // this sum does not matter: fp32 values between 2^-14 and 1 add up in fp64 without rounding.
    block.each([&](int thread) {
      double sum = 0.0;
      for (int i = thread; i < count; i += kThreads) {
        float pixel[kChannels];
        read(image + i * kChannels, pixel);
        change(record.jitter, 0, contrast_of(record.jitter), 0.0F, pixel);
        sum += static_cast<double>(grey_of(pixel));
      }
      sums[thread] = sum;
      if (thread == 0) labels[block.x] = record.label;
    });
    for (int reach = kThreads / 2; reach > 0; reach /= 2) {
      block.each([&](int thread) {
        if (thread < reach) sums[thread] += sums[thread + reach];
      });
    }
    block.each([&](int thread) {
      const auto grey = static_cast<float>(sums[0] / static_cast<double>(count));
      float* to = out + std::int64_t{block.x} * count * kChannels;
      for (int i = thread; i < count; i += kThreads) {
        const int y = i / side;
        const int x = i - y * side;
        float pixel[kChannels];
        read(image + (record.is_mirrored ? y * side + side - 1 - x : i) * kChannels, pixel);
        change(record.jitter, 0, 3, grey, pixel);
        for (int c = 0; c < kChannels; ++c) {
          to[i * kChannels + c] = (pixel[c] - mean[c]) / deviation[c];
        }
      }
    });
  }

  HSCONAS_DEVICE static void read(const std::uint8_t* from, float* pixel) {
    for (int c = 0; c < kChannels; ++c) pixel[c] = static_cast<float>(from[c]) / 255.0F;
  }

  /// Index of the step that changes the contrast.
  HSCONAS_DEVICE static int contrast_of(const Jitter& jitter) {
    int k = 0;
    while (k < 2 && jitter.steps[k] != ColourStep::Contrast) ++k;
    return k;
  }

  HSCONAS_DEVICE static float grey_of(const float* pixel) {
    if (kChannels == 1) return pixel[0];
    return rounded_product(0.299F, pixel[0]) + rounded_product(0.587F, pixel[kChannels / 2]) +
           rounded_product(0.114F, pixel[kChannels - 1]);
  }

  HSCONAS_DEVICE static float blended(float value, float base, float factor) {
    const float mixed = base + rounded_product(factor, value - base);
    return mixed < 0.0F ? 0.0F : (mixed > 1.0F ? 1.0F : mixed);
  }

  /// Applies the steps [first, last); `grey` is the mean grey before the change of contrast.
  HSCONAS_DEVICE static void change(const Jitter& jitter, int first, int last, float grey,
                                    float* pixel) {
    for (int k = first; k < last; ++k) {
      float base = 0.0F;
      if (jitter.steps[k] == ColourStep::Contrast) base = grey;
      if (jitter.steps[k] == ColourStep::Saturation) {
        if (kChannels == 1) continue;
        base = grey_of(pixel);
      }
      for (int c = 0; c < kChannels; ++c) pixel[c] = blended(pixel[c], base, jitter.factors[k]);
    }
  }
};

/// Input and output buffers of a batch, on the device.
struct ImageBatch {
  const ImageRecord* records;
  const std::uint8_t* bytes;
  std::uint8_t* squares;  ///< Crops: buffer for [images, side, side, channels].
  const float* value_of;  ///< Squares: value of each byte, [channels][256].
  int images;
  float* out;
  std::int64_t* labels;
};

template <int kChannels, typename Queue>
void make_images_of(Queue& queue, const ImageFeedPlan& plan, const ImageBatch& batch) {
  if (!plan.has_crops) {
    using Kernel = ShiftedImages<kChannels>;
    queue.launch(
        Kernel{batch.records, batch.bytes, batch.value_of, plan.side, batch.out, batch.labels},
        Kernel::grid(batch.images, plan.side));
    return;
  }
  using Resize = ResizedCrops<kChannels>;
  queue.launch(Resize{batch.records, batch.bytes, plan.side, batch.squares},
               Resize::grid(batch.images, plan.side), Resize::shared_bytes());
  using Finish = JitteredImages<kChannels>;
  Finish finish{batch.records, batch.squares, plan.side, {}, {}, batch.out, batch.labels};
  for (int c = 0; c < kChannels; ++c) {
    finish.mean[c] = plan.mean[c];
    finish.deviation[c] = plan.deviation[c];
  }
  queue.launch(finish, Grid{batch.images, 1}, Finish::shared_bytes());
}

/// Enqueues the kernels that turn a batch's bytes into network inputs; see ImageFeed::make().
template <typename Queue>
void make_images(Queue& queue, const ImageFeedPlan& plan, const ImageBatch& batch) {
  if (plan.channels == 3) {
    make_images_of<3>(queue, plan, batch);
  } else {
    make_images_of<1>(queue, plan, batch);
  }
}

}  // namespace hsconas::cuda
