#pragma once

#include "channel_order.hpp"
#include "moments.hpp"
#include "values.hpp"

// Kernels that move weights between the flat arrays, which all networks share, and the compact,
// padded form in which one step's kernels read them. A table with one row per weight of the path
// serves all kernels, so that a step launches each of them once, however many weights it has.
namespace hsconas::cuda {

/// One weight of a path.
struct WeightRow {
  std::int64_t offset = 0;      ///< First value in the flat arrays.
  std::int64_t row_stride = 0;  ///< Values from one output channel to the next in those arrays.
  int rows = 0;                 ///< Output channels.
  int columns = 0;              ///< Input channels of one group.
  int taps = 1;
  int groups = 1;
  ChannelOrder in;
  ChannelOrder out;
  /// Packed layout: [taps][out] for depthwise kernels, else [out][packed_columns]. The columns of a
  /// dense convolution with several taps are [taps][channels], as in Patches.
  bool depthwise = false;
  bool in_fp32 = false;  ///< Packed as fp32, whatever the type of activations.
  int packed_columns = 0;
  void* packed = nullptr;
  const float* parts = nullptr;  ///< Parts of the gradient, each in the layout of `packed`.
  int part_count = 0;
  std::int64_t part_step = 0;
  bool decays = true;
  float constant = 0.0F;  ///< Unless 0, all values have this value and are not learned (pooling).
  std::int64_t first_value = 0;  ///< Learned values of the rows before this one.

  HSCONAS_BOTH int count() const { return rows * columns * taps; }
  HSCONAS_BOTH int packed_count() const {
    return depthwise ? taps * out.memory() : out.memory() * packed_columns;
  }

  /// The place of value `i` of [rows][columns][taps] in the flat arrays.
  HSCONAS_DEVICE std::int64_t flat(int i) const {
    const int each = columns * taps;
    return offset + i / each * row_stride + i % each;
  }
  /// The place of value `i` of [rows][columns][taps] in the packed form.
  HSCONAS_DEVICE int packed_at(int i) const {
    const int row = i / (columns * taps);
    const int column = i / taps % columns;
    const int tap = i % taps;
    if (depthwise) return tap * out.memory() + out.at(row);
    const int group = row / (rows / groups);
    const int within = taps > 1 ? tap * columns + column : in.at(group * columns + column);
    return out.at(row) * packed_columns + within;
  }
  /// The place of packed value `i` in the flat arrays; -1 if it is padding.
  HSCONAS_DEVICE std::int64_t flat_of_packed(int i) const {
    const int width = depthwise ? out.memory() : packed_columns;
    const int high = i / width;
    const int low = i % width;
    const int row = out.channel(depthwise ? low : high);
    if (row < 0) return -1;
    if (depthwise) return offset + row * row_stride + high;
    if (taps > 1) {
      if (low >= taps * columns) return -1;
      return offset + row * row_stride + low % columns * taps + low / columns;
    }
    const int channel = in.channel(low);
    const int group = row / (rows / groups);
    if (channel < group * columns || channel >= (group + 1) * columns) return -1;
    return offset + row * row_stride + (channel - group * columns);
  }
  /// The gradient of value `i` of [rows][columns][taps]: its parts, added in their order.
  HSCONAS_DEVICE float gradient_of(int i) const {
    const float* part = parts + packed_at(i);
    float sum = 0.0F;
    int p = 0;
    for (; p + 8 <= part_count; p += 8) {  // Eight loads in flight at once.
      float eight[8];
      HSCONAS_UNROLL
      for (int k = 0; k < 8; ++k) eight[k] = part[(p + k) * part_step];
      HSCONAS_UNROLL
      for (int k = 0; k < 8; ++k) sum += eight[k];
    }
    for (; p < part_count; ++p) sum += part[p * part_step];
    return sum;
  }
};

/// The work of one block of threads: values from `first` on of one row of the table.
struct WeightChunk {
  int row = 0;
  int first = 0;
};

struct WeightTable {
  static constexpr int kThreads = 256;
  static constexpr int kChunk = 4 * kThreads;  ///< Most values of a block.
  const WeightRow* rows = nullptr;
  const WeightChunk* chunks = nullptr;

  /// Runs `f(row, i)` for every value i below `count(row)` of the block's chunk.
  template <typename Block, typename Count, typename F>
  HSCONAS_DEVICE void for_values(const Block& block, int thread, Count count, F f) const {
    const WeightChunk chunk = chunks[block.x];
    const WeightRow& row = rows[chunk.row];
    const int most = count(row);
    for (int i = chunk.first + thread; i < chunk.first + kChunk && i < most; i += kThreads) {
      f(row, i);
    }
  }
};

/// Packs the weights of a path; the chunks divide the packed values.
template <typename T>
struct PackWeights {
  static constexpr int kThreads = WeightTable::kThreads;
  WeightTable table;
  const float* values;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      table.for_values(
          block, thread, [](const WeightRow& row) { return row.packed_count(); },
          [&](const WeightRow& row, int i) {
            const std::int64_t at = row.constant != 0.0F ? -1 : row.flat_of_packed(i);
            const float value = at < 0 ? row.constant : values[at];
            if (row.depthwise || row.in_fp32) {
              static_cast<float*>(row.packed)[i] = value;
            } else {
              static_cast<T*>(row.packed)[i] = from_float<T>(value);
            }
          });
    });
  }
};

/// A sum of floats in double.
struct Total {
  double sum = 0.0;
  HSCONAS_DEVICE void add(float value) { sum += static_cast<double>(value); }
  HSCONAS_DEVICE void add(const Total& other) { sum += other.sum; }
};

/// Writes the gradients of all weights one after another; the chunks divide the values.
struct CopyGradients {
  static constexpr int kThreads = WeightTable::kThreads;
  WeightTable table;
  float* to;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      table.for_values(
          block, thread, [](const WeightRow& row) { return row.count(); },
          [&](const WeightRow& row, int i) { to[row.first_value + i] = row.gradient_of(i); });
    });
  }
};

/// Writes the gradients of all weights to their places in the flat array; the chunks divide the
/// values. With `clip_norm` > 0, `factor` becomes the factor that limits the norm of all gradients
/// together to `clip_norm`.
struct CollectGradients {
  static constexpr int kThreads = WeightTable::kThreads;
  WeightTable table;
  const float* given;  ///< As CopyGradients writes them; nullptr: those of the last backward pass.
  float* gradient;
  float clip_norm;
  float* factor;
  float* squares;  ///< One per block.
  unsigned* counter;

  static int shared_bytes() { return kThreads * static_cast<int>(sizeof(Total) + sizeof(float)); }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* totals = reinterpret_cast<Total*>(block.shared);
    auto* own = reinterpret_cast<float*>(totals + kThreads);
    block.each([&](int thread) {
      float sum_of_squares = 0.0F;
      table.for_values(
          block, thread, [](const WeightRow& row) { return row.count(); },
          [&](const WeightRow& row, int i) {
            const float sum = given == nullptr ? row.gradient_of(i) : given[row.first_value + i];
            gradient[row.flat(i)] = sum;
            sum_of_squares += sum * sum;
          });
      own[thread] = sum_of_squares;
    });
    if (!(clip_norm > 0.0F)) return;
    total_parts(block, own, kThreads, 1, 1, totals,
                [&](int, const Total& total) { squares[block.x] = static_cast<float>(total.sum); });
    if (!block.is_last(counter, block.blocks_x)) return;
    total_parts(block, squares, block.blocks_x, 1, 1, totals, [&](int, const Total& total) {
      const double scale = static_cast<double>(clip_norm) / (sqrt(total.sum) + 1e-6);
      *factor = scale < 1.0 ? static_cast<float>(scale) : 1.0F;
    });
  }
};

/// Stochastic gradient descent with momentum, see sgd_step(); the chunks divide the values.
struct DescendGradient {
  static constexpr int kThreads = WeightTable::kThreads;
  WeightTable table;
  float* values;
  float* momentum;
  const float* gradient;
  const float* factor;  ///< Scales all gradients; nullptr: by 1.
  float lr;
  float decay_of_momentum;
  float weight_decay;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      const float scale = factor == nullptr ? 1.0F : *factor;
      table.for_values(
          block, thread, [](const WeightRow& row) { return row.count(); },
          [&](const WeightRow& row, int i) {
            const std::int64_t at = row.flat(i);
            const float value = values[at];
            float g = gradient[at] * scale;
            if (row.decays) g += weight_decay * value;
            const float v = decay_of_momentum * momentum[at] + g;
            momentum[at] = v;
            values[at] = value - lr * v;
          });
    });
  }
};

}  // namespace hsconas::cuda
