#pragma once

#include <cstdint>

#include "activations.hpp"
#include "block_run.hpp"
#include "depthwise_forward.hpp"
#include "head.hpp"
#include "hsconas/kernels/device_network.hpp"
#include "pass.hpp"
#include "product.hpp"

namespace hsconas::cuda {

/// The forward pass through one block after the other.
template <typename Queue, typename T>
class ForwardPass {
 public:
  ForwardPass(const Launcher<Queue>& launcher, const Pass& pass, const DeviceImages& images)
      : launcher_(launcher), pass_(pass), images_(images) {}

  void run(BlockRun<T>& block) {
    if (block.block->is_identity()) {
      if (block.y != block.x) {  // The caller provides the memory of the output.
        launcher_.queue->copy(
            block.y, block.x,
            block.values_out(pass_.images) * static_cast<std::int64_t>(sizeof(T)));
      }
      return;
    }
    for (PathRun<T>& path : block.paths) {
      for (UnitRun<T>& unit : path.units) forward_unit(unit);
    }
    if (!block.is_head) concatenate(block);
  }

 private:
  void forward_unit(UnitRun<T>& unit) {
    if (unit.is_depthwise) {
      forward_depthwise(unit);
      return;
    }
    const std::int64_t pixels = pass_.images * squared(unit.out_size);
    if (unit.in.data == nullptr) {
      const Patches<T> patches{images_.values,    unit.activated,   pass_.images,
                               unit.in_size,      images_.channels, unit.unit->kernel,
                               unit.unit->stride, unit.out_size,    unit.weight.packed_columns};
      launcher_.launch(patches, patches.grid());
    } else if (unit.activated != nullptr) {
      const Lanes lanes(unit.weight.packed_columns);
      launcher_.launch(
          Activate<T>{unit.in, unit.activated, pixels, unit.weight.packed_columns, lanes},
          lanes.grid(pixels, launcher_.multiprocessors()));
    }
    Product product;
    product.rows = pixels;
    product.columns = unit.out_order.memory();
    product.depth = unit.weight.packed_columns;
    product.left = {unit.x(), unit.x_stride(), false};
    product.right = {unit.weight.packed, unit.weight.packed_columns, true};
    product.type = product.out_type = NumberOf<T>::kValue;
    product.out = unit.z;
    product.out_stride = product.columns;
    launcher_.queue->multiply(product);
    if (!unit.has_norm()) return;
    const int channels = unit.out_order.memory();
    const std::int64_t counted = pass_.counted * squared(unit.out_size);
    const Lanes lanes(channels);
    launcher_.launch(
        TakeStatistics<T>{unit.z, counted, channels, lanes, kEpsilon, unit.norm,
                          reinterpret_cast<Moments*>(launcher_.scratch), launcher_.counters},
        lanes.grid(counted, launcher_.multiprocessors()), TakeStatistics<T>::shared_bytes());
  }

  void forward_depthwise(UnitRun<T>& unit) {
    DepthwiseForward<T> work;
    work.in = {unit.in.data, unit.in.stride};
    work.in_norm = unit.in.norm;
    work.in_relu = unit.in.relu;
    work.weights = static_cast<const float*>(unit.weight.packed);
    work.out = {unit.z, unit.out_order.memory()};
    work.channels = unit.out_order.memory();
    work.images = pass_.images;
    work.in_size = unit.in_size;
    work.out_size = unit.out_size;
    if (unit.has_norm()) work.out_norm = unit.norm;
    work.counted_images = pass_.counted;
    work.epsilon = kEpsilon;
    work.parts = reinterpret_cast<Moments*>(launcher_.scratch);
    work.counters = launcher_.counters;
    depthwise_forward(*launcher_.queue, work, unit.unit->kernel, unit.unit->stride);
  }

  void concatenate(BlockRun<T>& block) {
    const std::int64_t pixels = pass_.images * squared(block.block->out_size);
    const Lanes lanes(block.y_order.memory());
    Concatenate<T> work{};
    for (const PathRun<T>& path : block.paths) {
      Piece<T>& piece = work.pieces[work.piece_count++];
      piece.first = path.first_channel;
      piece.count = path.path->out_channels;
      if (path.units.empty()) {
        piece.order = order_of_source(*path.path, block.x_order);
        piece.from = {block.x + offset_of_source(*path.path, block.x_order),
                      block.x_order.memory(),
                      {},
                      false};
      } else {
        piece.order = path.units.back().out_order;
        piece.from = path.units.back().out();
      }
    }
    work.plus = block.block->adds_input ? block.x : nullptr;
    work.out = block.y;
    work.pixels = pixels;
    work.order = block.y_order;
    work.lanes = lanes;
    launcher_.launch(work, lanes.grid(pixels, launcher_.multiprocessors()));
  }

  Launcher<Queue> launcher_;
  const Pass& pass_;
  const DeviceImages& images_;
};

}  // namespace hsconas::cuda
