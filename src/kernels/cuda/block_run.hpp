#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "activations.hpp"
#include "channel_order.hpp"
#include "hsconas/kernels/device_network.hpp"
#include "moments.hpp"
#include "weights.hpp"

// The blocks that a pass runs, with the channel order and the memory of every tensor.
namespace hsconas::cuda {

inline std::int64_t squared(int size) {
  return std::int64_t{size} * size;
}

/// A convolution or pooling, with everything that its passes read and write.
template <typename T>
struct UnitRun {
  const DeviceUnit* unit = nullptr;
  bool is_depthwise = false;  ///< Also true for pooling, a convolution with equal weights.
  int in_size = 0;
  int out_size = 0;
  ChannelOrder in_order;
  ChannelOrder out_order;
  Activated<T> in;
  /// Memory for the activated `in`, for a product; nullptr: `in` is read itself.
  T* activated = nullptr;
  T* z = nullptr;  ///< The output before batch norm.
  Norm norm;
  NormTerms terms;
  WeightRow weight;
  T* gradient = nullptr;  ///< First the gradient at the activated output, later the one at z.

  bool has_norm() const { return unit->norm && !unit->pools; }
  Activated<T> out() const {
    return {z, out_order.memory(), has_norm() ? norm : Norm{}, unit->relu};
  }
  /// The input that a product reads.
  const T* x() const { return activated != nullptr ? activated : in.data; }
  std::int64_t x_stride() const { return activated != nullptr ? weight.packed_columns : in.stride; }
};

template <typename T>
struct PathRun {
  const DevicePath* path = nullptr;
  int first_channel = 0;  ///< Index of its first channel in the block's output.
  std::vector<UnitRun<T>> units;
};

template <typename T>
struct BlockRun {
  const DeviceBlock* block = nullptr;
  bool is_stem = false;
  bool is_head = false;
  ChannelOrder x_order;
  ChannelOrder y_order;
  const T* x = nullptr;  ///< nullptr for the stem, which reads images.
  T* y = nullptr;        ///< nullptr for the head, whose output is averaged.
  std::vector<PathRun<T>> paths;

  /// Numbers of values of the input and of the output.
  std::int64_t values_in(int images) const {
    return images * squared(block->in_size) * x_order.memory();
  }
  std::int64_t values_out(int images) const {
    return images * squared(block->out_size) * y_order.memory();
  }
};

/// The channel order of a block's input or output with this many channels.
inline ChannelOrder order_between(const DeviceNetwork& network, int channels) {
  return {network.splits_channels ? ChannelOrder::Split : ChannelOrder::Plain, channels, 1};
}
/// The channel order of a path's input, when its block's input has the order `x_order`.
inline ChannelOrder order_of_source(const DevicePath& path, const ChannelOrder& x_order) {
  if (path.reads == ChannelsRead::All) return x_order;
  return {ChannelOrder::Plain, path.in_channels, 1};
}
/// Offset of a path's channels in a row of its block's input.
inline int offset_of_source(const DevicePath& path, const ChannelOrder& x_order) {
  return path.reads == ChannelsRead::Odd ? x_order.half_memory() : 0;
}

template <typename T>
WeightRow weight_row(const DeviceUnit& unit, const UnitRun<T>& run) {
  WeightRow row;
  row.offset = unit.weight.offset;
  row.row_stride = unit.weight.row_stride;
  row.decays = unit.weight.decays;
  row.rows = unit.out_channels;
  row.columns = unit.in_channels / unit.groups;
  row.taps = unit.kernel * unit.kernel;
  row.groups = unit.groups;
  row.in = run.in_order;
  row.out = run.out_order;
  row.depthwise = run.is_depthwise;
  if (row.depthwise) row.columns = 1;
  if (unit.pools) row.constant = 1.0F / static_cast<float>(row.taps);
  row.packed_columns = row.taps > 1 ? padded(row.columns * row.taps) : run.in_order.memory();
  return row;
}

template <typename T>
std::vector<UnitRun<T>> build_units(const DevicePath& path, const BlockRun<T>& block) {
  std::vector<UnitRun<T>> units;
  ChannelOrder order = order_of_source(path, block.x_order);
  for (const DeviceUnit& unit : path.units) {
    UnitRun<T> run;
    run.unit = &unit;
    run.is_depthwise = unit.pools || unit.is_depthwise();
    run.in_size = unit.in_size;
    run.out_size = unit.out_size();
    run.in_order = order;
    run.out_order =
        run.is_depthwise ? order : ChannelOrder{ChannelOrder::Plain, unit.out_channels, 1};
    run.weight = weight_row(unit, run);
    // A shuffle moves no values: it only changes the channel order from here on.
    if (unit.shuffle > 1) {
      run.out_order = {ChannelOrder::Shuffled, unit.out_channels, unit.shuffle};
    }
    order = run.out_order;
    units.push_back(run);
  }
  return units;
}

/// The blocks [first, last) of `network`, which must outlive them, without memory.
template <typename T>
std::vector<BlockRun<T>> block_runs(const DeviceNetwork& network, int first, int last) {
  std::vector<BlockRun<T>> blocks;
  for (int position = first; position < last; ++position) {
    const DeviceBlock& block = network.blocks[static_cast<std::size_t>(position)];
    BlockRun<T> run;
    run.block = &block;
    run.is_stem = position == 0;
    run.is_head = position + 1 == static_cast<int>(network.blocks.size());
    run.x_order = run.is_stem ? ChannelOrder{ChannelOrder::Plain, block.in_channels, 1}
                              : order_between(network, block.in_channels);
    run.y_order = order_between(network, block.out_channels);
    int channel = 0;
    for (const DevicePath& path : block.paths) {
      run.paths.push_back({&path, channel, build_units(path, run)});
      channel += path.out_channels;
    }
    blocks.push_back(std::move(run));
  }
  return blocks;
}

}  // namespace hsconas::cuda
