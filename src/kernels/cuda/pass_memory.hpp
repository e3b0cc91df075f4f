#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "arena.hpp"
#include "block_run.hpp"
#include "depthwise.hpp"
#include "depthwise_tiles.hpp"
#include "pass.hpp"

namespace hsconas::cuda {

/// Takes the memory that a pass needs from an arena.
template <typename T>
class PassMemory {
 public:
  PassMemory(Arena& arena, const Pass& pass, int multiprocessors)
      : arena_(arena), pass_(pass), multiprocessors_(multiprocessors) {}

  /// Memory for the weights and the batch norm of a unit.
  void allocate_weights(UnitRun<T>& unit) {
    WeightRow& row = unit.weight;
    if (row.depthwise) {
      row.packed = arena_.take<float>(row.packed_count());
    } else {
      row.packed = arena_.take<T>(row.packed_count());
    }
    const int channels = unit.out_order.memory();
    for (float** values : {&unit.norm.scale, &unit.norm.shift})
      *values = arena_.take<float>(channels);
    if (pass_.trains) {
      for (float** values : {&unit.terms.a, &unit.terms.b, &unit.terms.c}) {
        *values = arena_.take<float>(channels);
      }
      if (row.constant == 0.0F) allocate_parts(unit);
    }
  }

  void allocate_activations(std::vector<BlockRun<T>>& blocks) {
    T* between[2] = {nullptr, nullptr};
    if (!pass_.trains) allocate_boundaries(blocks, between);
    int next = 0;
    const T* x = static_cast<const T*>(pass_.in);
    for (BlockRun<T>& block : blocks) {
      block.x = x;
      const std::int64_t before = arena_.used();
      const bool is_last = &block == &blocks.back();
      if (block.is_head) {
        block.y = nullptr;
      } else if (is_last && !pass_.trains) {
        block.y = static_cast<T*>(pass_.out);
      } else if (block.block->is_identity()) {
        block.y = const_cast<T*>(x);
      } else if (pass_.trains) {
        block.y = arena_.take<T>(block.values_out(pass_.images));
      } else {
        block.y = between[next];
        next = 1 - next;
      }
      for (PathRun<T>& path : block.paths) allocate_units(block, path);
      x = block.y;
      // Without a backward pass the next block takes the same memory.
      if (!pass_.trains && !block.is_head) arena_.back_to(before);
    }
  }

  /// `boundaries` are two gradients between blocks, which alternate. The gradients within a block
  /// reuse the memory of those of the other blocks.
  void allocate_gradients(std::vector<BlockRun<T>>& blocks, T** boundaries) {
    std::int64_t most = 0;
    for (const BlockRun<T>& block : blocks) {
      if (!block.is_stem) most = std::max(most, block.values_in(pass_.images));
    }
    boundaries[0] = arena_.take<T>(most);
    boundaries[1] = arena_.take<T>(most);
    const std::int64_t before = arena_.used();
    for (BlockRun<T>& block : blocks) {
      for (PathRun<T>& path : block.paths) {
        for (UnitRun<T>& unit : path.units) {
          unit.gradient =
              arena_.take<T>(pass_.images * squared(unit.out_size) * unit.out_order.memory());
        }
      }
      arena_.back_to(before);
    }
    // Later allocations must not overlap the gradients of any block.
    arena_.take<unsigned char>(arena_.most() - before);
  }

  /// Memory that every kernel may use while it runs.
  unsigned char* allocate_scratch() { return arena_.take<unsigned char>(scratch_bytes_); }

 private:
  /// Takes memory for the parts of a weight's gradient, which are sums over slices of the pixels:
  /// one sum over all pixels would not keep the device busy.
  void allocate_parts(UnitRun<T>& unit) {
    WeightRow& row = unit.weight;
    if (row.depthwise) {
      row.part_count = depthwise_weight_parts(depthwise_size(unit));
    } else {
      const std::int64_t pixels = pass_.images * squared(unit.out_size);
      row.part_count = slices(pixels, row.out.memory(), row.packed_columns);
    }
    row.part_step = row.packed_count();
    row.parts = arena_.take<float>(row.part_count * row.part_step);
  }

  /// Number of equal slices that fill the device, of at least kShortest pixels each if possible.
  int slices(std::int64_t pixels, int rows, int columns) const {
    constexpr int kTile = 128;
    constexpr std::int64_t kShortest = 1024;
    const int tiles = ((rows + kTile - 1) / kTile) * ((columns + kTile - 1) / kTile);
    std::int64_t count = std::max<std::int64_t>(2 * multiprocessors_ / tiles, 1);
    count = std::min(count, std::max<std::int64_t>(pixels / kShortest, 1));
    while (pixels % count != 0) --count;
    return static_cast<int>(count);
  }

  void allocate_boundaries(const std::vector<BlockRun<T>>& blocks, T** between) {
    std::int64_t most = 0;
    for (const BlockRun<T>& block : blocks) {
      if (!block.is_head) most = std::max(most, block.values_out(pass_.images));
    }
    between[0] = arena_.take<T>(most);
    between[1] = arena_.take<T>(most);
  }

  void allocate_units(const BlockRun<T>& block, PathRun<T>& path) {
    const int offset = offset_of_source(*path.path, block.x_order);
    Activated<T> in{block.is_stem ? nullptr : block.x + offset, block.x_order.memory(), {}, false};
    bool is_raw = true;
    for (UnitRun<T>& unit : path.units) {
      const std::int64_t pixels_in = pass_.images * squared(unit.in_size);
      const std::int64_t pixels_out = pass_.images * squared(unit.out_size);
      unit.in = in;
      unit.activated = nullptr;
      if (!unit.is_depthwise) {
        if (block.is_stem && &unit == &path.units.front()) {
          unit.activated = arena_.take<T>(pixels_out * unit.weight.packed_columns);
          unit.in.data = nullptr;
        } else if (!is_raw) {
          unit.activated = arena_.take<T>(pixels_in * unit.weight.packed_columns);
        }
      }
      const int channels = unit.out_order.memory();
      unit.z = arena_.take<T>(pixels_out * channels);
      const Lanes lanes(channels);
      const Grid grid = lanes.grid(pixels_out, multiprocessors_);
      need_scratch(std::int64_t{grid.y} * channels * static_cast<std::int64_t>(sizeof(Moments)));
      if (unit.is_depthwise) {
        need_scratch(depthwise_parts(depthwise_size(unit)) *
                     static_cast<std::int64_t>(sizeof(Moments)));
      }
      in = unit.out();
      is_raw = !unit.has_norm() && !unit.unit->relu;
    }
  }

  DepthwiseSize depthwise_size(const UnitRun<T>& unit) const {
    return {unit.out_order.memory(), pass_.images,      unit.in_size,
            unit.unit->kernel,       unit.unit->stride, multiprocessors_};
  }

  void need_scratch(std::int64_t bytes) { scratch_bytes_ = std::max(scratch_bytes_, bytes); }

  Arena& arena_;
  const Pass& pass_;
  int multiprocessors_;
  std::int64_t scratch_bytes_ = 0;
};

}  // namespace hsconas::cuda
