#pragma once

#include <cstddef>
#include <cstdint>

#include "activation_gradients.hpp"
#include "block_run.hpp"
#include "classifier.hpp"
#include "depthwise_backward.hpp"
#include "pass.hpp"
#include "product.hpp"

namespace hsconas::cuda {

/// The backward pass through one block after the other, from the last one on.
template <typename Queue, typename T>
class BackwardPass {
 public:
  BackwardPass(const Launcher<Queue>& launcher, int images, const Classifier<T>& classifier)
      : launcher_(launcher), images_(images), classifier_(classifier) {}

  /// `dy` is the gradient at the block's output, `dx` where that at its input is written; nullptr
  /// for the stem.
  void run(BlockRun<T>& block, const T* dy, T* dx) {
    // The channels of dx that hold a gradient already.
    bool has_even = false;
    bool has_odd = false;
    if (block.block->adds_input && dx != nullptr) {
      const DevicePath& path = *block.paths.front().path;
      const UnitRun<T>& first = block.paths.front().units.front();
      if (first.is_depthwise) pass_gradient(block, path, dy, block.y_order, 0, dx, false);
      has_even = has_odd = first.is_depthwise;
    }
    for (PathRun<T>& path : block.paths) {
      const bool reads_even = path.path->reads != ChannelsRead::Odd;
      const bool reads_odd = path.path->reads != ChannelsRead::Even;
      const bool accumulates = (reads_even && has_even) || (reads_odd && has_odd);
      if (path.units.empty()) {
        if (dx != nullptr) {
          pass_gradient(block, *path.path, dy, block.y_order, path.first_channel, dx, accumulates);
        }
      } else {
        const T* add = accumulates ? dx : (block.block->adds_input ? dy : nullptr);
        backward_path(block, path, dy, dx, add);
      }
      has_even = has_even || reads_even;
      has_odd = has_odd || reads_odd;
    }
  }

 private:
  /// Where `gradient` of a unit is taken.
  enum class Known {
    Activated,  ///< At the activated output.
    Masked,     ///< At the activated output, with 0 where ReLU cut off; `terms` are known.
    Plain       ///< At z, before batch norm and ReLU.
  };

  void pass_gradient(const BlockRun<T>& block, const DevicePath& path, const T* dy,
                     const ChannelOrder& y_order, int first_channel, T* dx, bool accumulates) {
    const std::int64_t pixels = images_ * squared(block.block->in_size);
    const ChannelOrder own = order_of_source(path, block.x_order);
    const Lanes lanes(own.memory());
    launcher_.launch(PassGradient<T>{{dy, y_order.memory(), y_order, first_channel, own},
                                     dx + offset_of_source(path, block.x_order),
                                     block.x_order.memory(),
                                     accumulates,
                                     pixels,
                                     lanes},
                     lanes.grid(pixels, launcher_.multiprocessors()));
  }

  /// `add` is added to the gradient of the path's input, unless it is nullptr.
  void backward_path(BlockRun<T>& block, PathRun<T>& path, const T* dy, T* dx, const T* add) {
    UnitRun<T>& last = path.units.back();
    if (block.is_head) {
      make_plain(last, classifier_.gradient_of_average(static_cast<int>(squared(last.out_size))));
    } else {
      make_plain(last, PartOfGradient<T>{dy, block.y_order.memory(), block.y_order,
                                         path.first_channel, last.out_order});
    }
    Known known = Known::Plain;
    const int offset = offset_of_source(*path.path, block.x_order);
    for (std::size_t i = path.units.size(); i-- > 0;) {
      UnitRun<T>& unit = path.units[i];
      UnitRun<T>* before = i > 0 ? &path.units[i - 1] : nullptr;
      T* to = before != nullptr ? before->gradient : (dx == nullptr ? nullptr : dx + offset);
      const std::int64_t stride =
          before != nullptr ? before->out_order.memory() : block.x_order.memory();
      const T* plus = before != nullptr || add == nullptr ? nullptr : add + offset;
      if (unit.is_depthwise) {
        // The depthwise kernel applies batch norm's terms, but not the ReLU.
        if (known == Known::Activated && (unit.unit->relu || unit.has_norm())) {
          reduce_own(unit);
          known = Known::Masked;
          if (unit.unit->relu) {
            apply_own(unit);
            known = Known::Plain;
          }
        }
        backward_depthwise(unit, known == Known::Masked, to, stride, plus != nullptr);
        known = before != nullptr && before->has_norm() ? Known::Masked : Known::Activated;
        if (before != nullptr && !before->has_norm() && !before->unit->relu) known = Known::Plain;
      } else {
        if (known == Known::Activated) reduce_own(unit);
        if (known != Known::Plain) apply_own(unit);
        backward_product(unit, to, stride, plus);
        known = Known::Activated;
      }
    }
  }

  static PartOfGradient<T> own_gradient(const UnitRun<T>& unit) {
    return {unit.gradient, unit.out_order.memory(), unit.out_order, 0, unit.out_order};
  }

  void reduce_own(UnitRun<T>& unit) {
    if (unit.has_norm()) reduce(unit, own_gradient(unit));
  }

  void apply_own(UnitRun<T>& unit) {
    if (unit.has_norm() || unit.unit->relu) apply(unit, own_gradient(unit));
  }

  /// Computes the gradient at z of `unit` from `gradient` at its activated output.
  template <typename Gradient>
  void make_plain(UnitRun<T>& unit, const Gradient& gradient) {
    if (unit.has_norm()) reduce(unit, gradient);
    apply(unit, gradient);
  }

  template <typename Gradient>
  void reduce(UnitRun<T>& unit, const Gradient& gradient) {
    const std::int64_t pixels = images_ * squared(unit.out_size);
    const int channels = unit.out_order.memory();
    const Lanes lanes(channels);
    using Kernel = ReduceGradient<T, Gradient>;
    launcher_.launch(Kernel{gradient, unit.out(), pixels, channels, lanes, unit.terms,
                            reinterpret_cast<GradientSums*>(launcher_.scratch), launcher_.counters},
                     lanes.grid(pixels, launcher_.multiprocessors()), Kernel::shared_bytes());
  }

  template <typename Gradient>
  void apply(UnitRun<T>& unit, const Gradient& gradient) {
    const std::int64_t pixels = images_ * squared(unit.out_size);
    const int channels = unit.out_order.memory();
    const Lanes lanes(channels);
    launcher_.launch(
        ApplyGradient<T, Gradient>{gradient, unit.out(), unit.has_norm() ? unit.terms : NormTerms{},
                                   unit.gradient, pixels, channels, lanes},
        lanes.grid(pixels, launcher_.multiprocessors()));
  }

  void backward_product(UnitRun<T>& unit, T* to, std::int64_t stride, const T* plus) {
    const std::int64_t pixels = images_ * squared(unit.out_size);
    const int channels = unit.out_order.memory();
    const std::int64_t each = pixels / unit.weight.part_count;
    Product product;  // Gradient of the weights.
    product.rows = channels;
    product.columns = unit.weight.packed_columns;
    product.depth = each;
    product.left = {unit.gradient, channels, true};
    product.right = {unit.x(), unit.x_stride(), false};
    product.type = NumberOf<T>::kValue;
    product.out = const_cast<float*>(unit.weight.parts);
    product.out_stride = unit.weight.packed_columns;
    product.batches = unit.weight.part_count;
    product.left_step = each * channels;
    product.right_step = each * unit.x_stride();
    product.out_step = unit.weight.part_step;
    launcher_.queue->multiply(product);
    if (to == nullptr) return;
    product = {};  // Gradient of the input.
    product.rows = pixels;
    product.columns = unit.weight.packed_columns;
    product.depth = channels;
    product.left = {unit.gradient, channels, false};
    product.right = {unit.weight.packed, unit.weight.packed_columns, false};
    product.type = product.out_type = NumberOf<T>::kValue;
    product.add = plus;
    product.out = to;
    product.out_stride = stride;
    launcher_.queue->multiply(product);
  }

  void backward_depthwise(UnitRun<T>& unit, bool has_terms, T* to, std::int64_t stride,
                          bool accumulates) {
    const bool learns = unit.weight.constant == 0.0F;
    if (!learns && to == nullptr) return;
    DepthwiseBackward<T> work;
    const int channels = unit.out_order.memory();
    work.gradient = {unit.gradient, channels};
    work.out = {unit.z, channels};
    if (has_terms) work.terms = unit.terms;
    work.in = {unit.in.data, unit.in.stride};
    work.in_norm = unit.in.norm;
    work.in_relu = unit.in.relu;
    work.weights = static_cast<const float*>(unit.weight.packed);
    work.in_gradient = {to, stride};
    work.accumulate = accumulates;
    work.weight_parts = learns ? const_cast<float*>(unit.weight.parts) : nullptr;
    work.channels = channels;
    work.images = images_;
    work.in_size = unit.in_size;
    work.out_size = unit.out_size;
    work.sum_parts = reinterpret_cast<GradientSums*>(launcher_.scratch);
    work.counters = launcher_.counters;
    if (unit.in.norm.scale != nullptr) work.in_terms = terms_of_input(unit);
    depthwise_backward(*launcher_.queue, work, unit.unit->kernel, unit.unit->stride);
  }

  /// The terms of the preceding unit of the path, which precedes `unit` in memory.
  static NormTerms terms_of_input(const UnitRun<T>& unit) { return (&unit - 1)->terms; }

  Launcher<Queue> launcher_;
  int images_;
  const Classifier<T>& classifier_;
};

}  // namespace hsconas::cuda
