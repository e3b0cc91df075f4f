#pragma once

#include <cstdint>

#include "activation_gradients.hpp"
#include "arena.hpp"
#include "block_run.hpp"
#include "head.hpp"
#include "hsconas/kernels/device_network.hpp"
#include "pass.hpp"
#include "product.hpp"
#include "weight_tables.hpp"

namespace hsconas::cuda {

/// The end of a network: averages over the pixels of each image, and a linear layer.
template <typename T>
class Classifier {
 public:
  /// Memory for the weights, whose rows are added to `tables`. `last` is the unit whose output is
  /// averaged.
  void allocate_weights(Arena& arena, const Pass& pass, const DeviceNetwork& network,
                        const UnitRun<T>& last, WeightTables& tables) {
    weights_ = weight_row(network, last);
    weights_.packed = arena.take<float>(weights_.packed_count());
    weights_.part_count = 1;
    if (pass.trains) weights_.parts = arena.take<float>(weights_.packed_count());
    tables.add(weights_);
    if (network.has_bias) {
      bias_ = bias_row(network);
      bias_.packed = arena.take<float>(bias_.packed_count());
      bias_.part_count = 1;
      if (pass.trains) bias_.parts = arena.take<float>(bias_.packed_count());
      tables.add(bias_);
    }
  }

  void allocate_activations(Arena& arena, const Pass& pass, const DeviceNetwork& network) {
    const std::int64_t images = pass.trains ? pass.images : pass.images - pass.counted;
    averages_ = arena.take<float>(images * weights_.packed_columns);
    logits_ = arena.take<float>(images * network.classes);
    if (!pass.trains) return;
    averages_gradient_ = arena.take<float>(images * weights_.packed_columns);
    logits_gradient_ = arena.take<float>(images * network.classes);
    losses_ = arena.take<float>(images);
  }

  /// Computes the averages and logits of the images from `first` on, from the output of `last`.
  template <typename Queue>
  void forward(const Launcher<Queue>& launcher, const Pass& pass, const DeviceNetwork& network,
               const UnitRun<T>& last, int first, std::uint64_t seed) {
    const int images = pass.images - first;
    const int channels = weights_.packed_columns;
    const int pixels = static_cast<int>(squared(last.out_size));
    Activated<T> in = last.out();
    in.data += std::int64_t{first} * pixels * in.stride;
    launcher.launch(
        AveragePixels<T>{in, averages_, pixels, channels,
                         pass.trains ? static_cast<float>(network.dropout) : 0.0F, seed},
        AveragePixels<T>::grid(images, channels));
    Product product;
    product.rows = images;
    product.columns = network.classes;
    product.depth = channels;
    product.left = {averages_, channels, false};
    product.right = {weights_.packed, channels, true};
    product.out = logits_;
    product.out_stride = network.classes;
    launcher.queue->multiply(product);
    if (!network.has_bias) return;
    const std::int64_t count = std::int64_t{images} * network.classes;
    launcher.launch(
        AddBias{logits_, static_cast<const float*>(bias_.packed), count, network.classes},
        blocks_for(count, AddBias::kThreads));
  }

  /// Writes the mean loss to `loss` and returns the gradient at the logits.
  template <typename Queue>
  const float* loss(const Launcher<Queue>& launcher, const Pass& pass, const DeviceNetwork& network,
                    const std::int64_t* labels, double smoothing, float* loss) const {
    launcher.launch(CrossEntropy{logits_, labels, network.classes, static_cast<float>(smoothing),
                                 logits_gradient_, losses_, loss, launcher.counters},
                    {pass.images, 1}, CrossEntropy::shared_bytes());
    return logits_gradient_;
  }

  /// Computes the gradients of the weights and of the averages from the one at the logits.
  template <typename Queue>
  void backward(const Launcher<Queue>& launcher, const Pass& pass, const DeviceNetwork& network,
                const float* logits_gradient, std::uint64_t seed) {
    const int channels = weights_.packed_columns;
    const int images = pass.images;
    Product product;  // Gradient of the weights.
    product.rows = network.classes;
    product.columns = channels;
    product.depth = images;
    product.left = {logits_gradient, network.classes, true};
    product.right = {averages_, channels, false};
    product.out = const_cast<float*>(weights_.parts);
    product.out_stride = channels;
    launcher.queue->multiply(product);
    if (network.has_bias) {
      launcher.launch(
          SumColumns{logits_gradient, const_cast<float*>(bias_.parts), images, network.classes},
          blocks_for(network.classes, SumColumns::kThreads));
    }
    product = {};  // Gradient of the averages.
    product.rows = images;
    product.columns = channels;
    product.depth = network.classes;
    product.left = {logits_gradient, network.classes, false};
    product.right = {weights_.packed, channels, false};
    product.out = averages_gradient_;
    product.out_stride = channels;
    launcher.queue->multiply(product);
    if (network.dropout > 0.0) {
      const std::int64_t count = std::int64_t{images} * channels;
      launcher.launch(
          DropGradient{averages_gradient_, count, static_cast<float>(network.dropout), seed},
          blocks_for(count, DropGradient::kThreads));
    }
  }

  const float* logits() const { return logits_; }
  /// The gradient at the pixels of an image, of which there are `pixels`.
  GradientOfAverage gradient_of_average(int pixels) const {
    return {averages_gradient_, weights_.packed_columns, pixels};
  }

 private:
  static WeightRow weight_row(const DeviceNetwork& network, const UnitRun<T>& last) {
    WeightRow row;
    row.offset = network.classifier.offset;
    row.row_stride = network.classifier.row_stride;
    row.decays = network.classifier.decays;
    row.rows = network.classes;
    row.columns = last.unit->out_channels;
    row.in = last.out_order;
    row.out = {ChannelOrder::Plain, network.classes, 1};
    row.in_fp32 = true;
    row.packed_columns = row.in.memory();
    return row;
  }

  static WeightRow bias_row(const DeviceNetwork& network) {
    WeightRow row;
    row.offset = network.bias.offset;
    row.row_stride = 1;
    row.decays = network.bias.decays;
    row.rows = network.classes;
    row.columns = 1;
    row.depthwise = true;  // One value per output.
    row.out = {ChannelOrder::Plain, network.classes, 1};
    return row;
  }

  static Grid blocks_for(std::int64_t count, int threads) {
    return {static_cast<int>((count + threads - 1) / threads), 1};
  }

  WeightRow weights_;
  WeightRow bias_;
  float* averages_ = nullptr;  ///< [images][channels].
  float* logits_ = nullptr;    ///< [images][classes].
  float* averages_gradient_ = nullptr;
  float* logits_gradient_ = nullptr;
  float* losses_ = nullptr;
};

}  // namespace hsconas::cuda
