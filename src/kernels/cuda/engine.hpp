#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "arena.hpp"
#include "backward_pass.hpp"
#include "block_run.hpp"
#include "classifier.hpp"
#include "forward_pass.hpp"
#include "head.hpp"
#include "hsconas/kernels/device_network.hpp"
#include "pass.hpp"
#include "pass_memory.hpp"
#include "weight_tables.hpp"
#include "weights.hpp"

namespace hsconas::cuda {

/// Implements DeviceEngine. `Queue` runs kernels and products: CudaQueue, or HostQueue in tests.
template <typename Queue, typename T>
class Engine final : public DeviceEngine {
 public:
  /// `memory` is for data of one pass, `fixed` for data that stays.
  Engine(std::unique_ptr<Queue> queue, const DeviceWeights& weights,
         std::shared_ptr<DeviceMemory> memory, std::shared_ptr<DeviceMemory> fixed)
      : queue_(std::move(queue)),
        weights_(weights),
        memory_(std::move(memory)),
        fixed_(std::move(fixed)) {
    constexpr auto kBytes = static_cast<std::int64_t>(kCounters * sizeof(unsigned));
    launcher_ = {queue_.get(), static_cast<unsigned*>(fixed_->at_least(kBytes)), nullptr};
    queue_->clear(launcher_.counters, kBytes);
  }

  void reserve(const std::vector<std::vector<DeviceBlock>>& choices, int classes,
               int images) override {
    DeviceNetwork widest;
    widest.classes = classes;
    widest.splits_channels = true;  // This order needs the most memory.
    for (const auto& blocks : choices) {
      const DeviceBlock* largest = nullptr;
      std::int64_t most = -1;
      for (const DeviceBlock& block : blocks) {
        std::int64_t bytes = 0;
        for (const DevicePath& path : block.paths) {
          for (const DeviceUnit& unit : path.units) {
            bytes += std::int64_t{unit.in_channels} * unit.in_size * unit.in_size +
                     std::int64_t{2} * unit.out_channels * unit.out_size() * unit.out_size();
          }
        }
        if (bytes <= most) continue;
        most = bytes;
        largest = &block;
      }
      widest.blocks.push_back(*largest);
    }
    network_ = widest;
    blocks_ = block_runs<T>(network_, 0, static_cast<int>(widest.blocks.size()));
    Arena counting;
    allocate(counting, Pass{images, images, nullptr, nullptr, true});
    memory_->at_least(counting.most());
    blocks_.clear();
  }

  const float* forward(const DeviceNetwork& network, const DeviceImages& images,
                       std::uint64_t seed) override {
    seed_ = seed;
    start(network, 0, static_cast<int>(network.blocks.size()), images,
          {images.count, images.count, nullptr, nullptr, true});
    run_classifier(0);
    return classifier_.logits();
  }

  const float* loss(const std::int64_t* labels, double smoothing, float* loss) override {
    return classifier_.loss(launcher_, pass_, network_, labels, smoothing, loss);
  }

  void backward(const float* logits_gradient) override {
    classifier_.backward(launcher_, pass_, network_, logits_gradient, seed_);
    BackwardPass<Queue, T> backward(launcher_, pass_.images, classifier_);
    const T* dy = nullptr;
    int next = 0;
    for (std::size_t i = blocks_.size(); i-- > 0;) {
      BlockRun<T>& block = blocks_[i];
      if (block.block->is_identity()) continue;  // The gradient passes unchanged.
      T* dx = block.is_stem ? nullptr : boundaries_[next];
      backward.run(block, dy, dx);
      dy = dx;
      next = 1 - next;
    }
  }

  std::int64_t weight_count() const override { return tables_.value_count(); }

  void copy_gradient(float* gradient) override {
    launcher_.launch(CopyGradients{tables_.values(), gradient}, tables_.values_grid());
  }

  void update(const DeviceSgd& settings, const float* gradient) override {
    const WeightTable table = tables_.values();
    const Grid grid = tables_.values_grid();
    launcher_.launch(
        CollectGradients{table, gradient, weights_.gradient, static_cast<float>(settings.clip_norm),
                         factor_, squares_, launcher_.counters},
        grid, CollectGradients::shared_bytes());
    launcher_.launch(
        DescendGradient{table, weights_.values, weights_.momentum, weights_.gradient,
                        settings.clip_norm > 0.0 ? factor_ : nullptr,
                        static_cast<float>(settings.lr), static_cast<float>(settings.momentum),
                        static_cast<float>(settings.weight_decay)},
        grid);
  }

  void run(const DeviceNetwork& network, int first, int last, const void* in,
           const DeviceImages& images, int counted, void* out) override {
    start(network, first, last, images, {images.count, counted, in, out, false});
  }

  std::int64_t bytes_before(const DeviceNetwork& network, int position, int images) const override {
    const DeviceBlock& block = network.blocks[static_cast<std::size_t>(position)];
    const ChannelOrder order = order_between(network, block.in_channels);
    return std::int64_t{images} * block.in_size * block.in_size * order.memory() *
           static_cast<std::int64_t>(sizeof(T));
  }

  void classify(const DeviceNetwork& network, int first, const void* in, const DeviceImages& images,
                int counted, const std::int64_t* labels, std::uint8_t* right) override {
    start(network, first, static_cast<int>(network.blocks.size()), images,
          {images.count, counted, in, nullptr, false});
    run_classifier(counted);
    launcher_.launch(CheckAnswers{classifier_.logits(), labels, network_.classes, right},
                     {images.count - counted, 1}, CheckAnswers::shared_bytes());
  }

  std::int64_t launches() const override { return queue_->launches(); }
  void time_launches(bool on) override { queue_->time_launches(on); }
  std::vector<KernelTime> take_times() override { return queue_->take_times(); }

 private:
  static constexpr int kCounters = 1024;

  /// Runs the forward pass of the blocks [first, last).
  void start(const DeviceNetwork& network, int first, int last, const DeviceImages& images,
             const Pass& pass) {
    network_ = network;  // A copy: backward() reads it.
    images_ = images;
    pass_ = pass;
    blocks_ = block_runs<T>(network_, first, last);
    Arena counting;
    allocate(counting, pass_);
    Arena arena(static_cast<unsigned char*>(memory_->at_least(counting.most())));
    allocate(arena, pass_);
    tables_.upload(*queue_);
    launcher_.launch(PackWeights<T>{tables_.packed(), weights_.values}, tables_.packed_grid());
    ForwardPass<Queue, T> forward(launcher_, pass_, images_);
    for (BlockRun<T>& block : blocks_) forward.run(block);
  }

  void allocate(Arena& arena, const Pass& pass) {
    PassMemory<T> memory(arena, pass, queue_->multiprocessors());
    tables_.clear();
    for (BlockRun<T>& block : blocks_) {
      for (PathRun<T>& path : block.paths) {
        for (UnitRun<T>& unit : path.units) {
          memory.allocate_weights(unit);
          tables_.add(unit.weight);
        }
      }
    }
    const bool classifies = blocks_.back().is_head;
    if (classifies) classifier_.allocate_weights(arena, pass, network_, last_unit(), tables_);
    tables_.allocate(arena);
    factor_ = arena.take<float>(1);
    squares_ = arena.take<float>(tables_.values_grid().x);
    memory.allocate_activations(blocks_);
    // Later allocations must not overlap memory that earlier blocks used.
    if (arena.most() > arena.used()) arena.take<unsigned char>(arena.most() - arena.used());
    if (classifies) classifier_.allocate_activations(arena, pass, network_);
    if (pass.trains) memory.allocate_gradients(blocks_, boundaries_);
    launcher_.scratch = memory.allocate_scratch();
  }

  const UnitRun<T>& last_unit() const { return blocks_.back().paths.front().units.back(); }

  void run_classifier(int first) {
    classifier_.forward(launcher_, pass_, network_, last_unit(), first, seed_);
  }

  std::unique_ptr<Queue> queue_;
  DeviceWeights weights_;
  std::shared_ptr<DeviceMemory> memory_;
  std::shared_ptr<DeviceMemory> fixed_;
  Launcher<Queue> launcher_;

  // The current pass; its data are in `memory_`.
  DeviceNetwork network_;
  DeviceImages images_;
  Pass pass_;
  std::uint64_t seed_ = 0;
  std::vector<BlockRun<T>> blocks_;
  WeightTables tables_;
  Classifier<T> classifier_;
  float* factor_ = nullptr;                ///< Factor that clips the gradients.
  float* squares_ = nullptr;               ///< Sums of squared gradients, one per chunk.
  T* boundaries_[2] = {nullptr, nullptr};  ///< Gradients between blocks, alternately.
};

}  // namespace hsconas::cuda
