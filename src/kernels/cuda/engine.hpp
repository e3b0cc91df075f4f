#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "activations.hpp"
#include "depthwise_backward.hpp"
#include "depthwise_forward.hpp"
#include "head.hpp"
#include "hsconas/kernels/device_network.hpp"
#include "product.hpp"
#include "weights.hpp"

namespace hsconas::cuda {

constexpr float kEpsilon = 1e-5F;  ///< Batch norm's epsilon, the same everywhere in the program.

/// Hands out consecutive pieces of one block of memory. Without memory it only counts bytes.
class Arena {
 public:
  explicit Arena(unsigned char* base = nullptr) : base_(base) {}

  template <typename T>
  T* take(std::int64_t count) {
    constexpr std::int64_t kAlignment = 256;
    unsigned char* piece = base_ == nullptr ? nullptr : base_ + used_;
    const std::int64_t bytes = count * static_cast<std::int64_t>(sizeof(T));
    used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    most_ = std::max(most_, used_);
    return reinterpret_cast<T*>(piece);
  }
  std::int64_t used() const { return used_; }
  /// Frees everything that was taken since used() returned `used`.
  void back_to(std::int64_t used) { used_ = used; }
  /// Largest number of bytes in use at any time.
  std::int64_t most() const { return most_; }

 private:
  unsigned char* base_;
  std::int64_t used_ = 0;
  std::int64_t most_ = 0;
};

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
  T* activated =
      nullptr;     ///< Memory for the activated `in`, for a product; nullptr: `in` is read itself.
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
};

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
    counters_ = static_cast<unsigned*>(fixed_->at_least(kBytes));
    queue_->clear(counters_, kBytes);
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
    build(network_, 0, static_cast<int>(widest.blocks.size()));
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
    return logits_;
  }

  const float* loss(const std::int64_t* labels, double smoothing, float* loss) override {
    launch(CrossEntropy{logits_, labels, network_.classes, static_cast<float>(smoothing),
                        logits_gradient_, losses_, loss, counters_},
           {pass_.images, 1}, CrossEntropy::shared_bytes());
    return logits_gradient_;
  }

  void backward(const float* logits_gradient) override {
    backward_classifier(logits_gradient);
    const T* dy = nullptr;
    int next = 0;
    for (std::size_t i = blocks_.size(); i-- > 0;) {
      BlockRun<T>& block = blocks_[i];
      if (block.block->is_identity()) continue;  // The gradient passes unchanged.
      T* dx = block.is_stem ? nullptr : boundaries_[next];
      backward_block(block, dy, dx);
      dy = dx;
      next = 1 - next;
    }
  }

  void update(const DeviceSgd& settings) override {
    const WeightTable table{rows_on_device_, value_chunks_on_device_};
    const Grid grid{static_cast<int>(value_chunks_.size()), 1};
    launch(CollectGradients{table, weights_.gradient, static_cast<float>(settings.clip_norm),
                            factor_, squares_, counters_},
           grid, CollectGradients::shared_bytes());
    launch(DescendGradient{table, weights_.values, weights_.momentum, weights_.gradient,
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
    launch(CheckAnswers{logits_, labels, network_.classes, right}, {images.count - counted, 1},
           CheckAnswers::shared_bytes());
  }

  std::int64_t launches() const override { return queue_->launches(); }
  void time_launches(bool on) override { queue_->time_launches(on); }
  std::vector<KernelTime> take_times() override { return queue_->take_times(); }

 private:
  static constexpr int kCounters = 1024;

  /// Arguments of a forward pass.
  struct Pass {
    int images = 0;
    int counted = 0;  ///< Batch norm uses the statistics of this many images.
    const void* in = nullptr;
    void* out = nullptr;
    bool trains = false;
  };

  static ChannelOrder order_between(const DeviceNetwork& network, int channels) {
    return {network.splits_channels ? ChannelOrder::Split : ChannelOrder::Plain, channels, 1};
  }
  static std::int64_t squared(int size) { return std::int64_t{size} * size; }

  template <typename Kernel>
  void launch(const Kernel& kernel, Grid grid, int shared_bytes = 0) {
    queue_->launch(kernel, grid, shared_bytes);
  }

  /// Runs the forward pass of the blocks [first, last).
  void start(const DeviceNetwork& network, int first, int last, const DeviceImages& images,
             const Pass& pass) {
    network_ = network;  // A copy: backward() reads it.
    images_ = images;
    pass_ = pass;
    build(network_, first, last);
    Arena counting;
    allocate(counting, pass_);
    Arena arena(static_cast<unsigned char*>(memory_->at_least(counting.most())));
    allocate(arena, pass_);
    upload_tables();
    launch(PackWeights<T>{{rows_on_device_, packed_chunks_on_device_}, weights_.values},
           {static_cast<int>(packed_chunks_.size()), 1});
    for (BlockRun<T>& block : blocks_) forward_block(block);
  }

  // --- Which blocks run, and the channel order of every tensor -----------------------------------

  void build(const DeviceNetwork& network, int first, int last) {
    blocks_.clear();
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
      blocks_.push_back(std::move(run));
    }
  }

  static ChannelOrder order_of_source(const DevicePath& path, const ChannelOrder& x_order) {
    if (path.reads == ChannelsRead::All) return x_order;
    return {ChannelOrder::Plain, path.in_channels, 1};
  }
  /// Offset of a path's channels in a row of its block's input.
  static int offset_of_source(const DevicePath& path, const ChannelOrder& x_order) {
    return path.reads == ChannelsRead::Odd ? x_order.half_memory() : 0;
  }

  static std::vector<UnitRun<T>> build_units(const DevicePath& path, const BlockRun<T>& block) {
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

  static WeightRow weight_row(const DeviceUnit& unit, const UnitRun<T>& run) {
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

  // --- Memory ------------------------------------------------------------------------------------

  void allocate(Arena& arena, const Pass& pass) {
    scratch_bytes_ = 0;
    allocate_weights(arena, pass);
    allocate_activations(arena, pass);
    // Later allocations must not overlap memory that earlier blocks used.
    if (arena.most() > arena.used()) arena.take<unsigned char>(arena.most() - arena.used());
    if (blocks_.back().is_head) allocate_classifier(arena, pass);
    if (pass.trains) allocate_gradients(arena, pass);
    scratch_ = arena.take<unsigned char>(scratch_bytes_);
  }

  template <typename F>
  void for_units(F f) {
    for (BlockRun<T>& block : blocks_) {
      for (PathRun<T>& path : block.paths) {
        for (UnitRun<T>& unit : path.units) f(unit);
      }
    }
  }

  void allocate_weights(Arena& arena, const Pass& pass) {
    rows_.clear();
    packed_chunks_.clear();
    value_chunks_.clear();
    for_units([&](UnitRun<T>& unit) {
      WeightRow& row = unit.weight;
      if (row.depthwise) {
        row.packed = arena.take<float>(row.packed_count());
      } else {
        row.packed = arena.take<T>(row.packed_count());
      }
      const int channels = unit.out_order.memory();
      for (float** values : {&unit.norm.scale, &unit.norm.shift})
        *values = arena.take<float>(channels);
      if (pass.trains) {
        for (float** values : {&unit.terms.a, &unit.terms.b, &unit.terms.c}) {
          *values = arena.take<float>(channels);
        }
        if (row.constant == 0.0F) allocate_parts(arena, pass, unit);
      }
      add_row(row);
    });
    if (blocks_.back().is_head) {
      classifier_ = classifier_row();
      classifier_.packed = arena.take<float>(classifier_.packed_count());
      classifier_.part_count = 1;
      if (pass.trains) classifier_.parts = arena.take<float>(classifier_.packed_count());
      add_row(classifier_);
      if (network_.has_bias) {
        bias_ = bias_row();
        bias_.packed = arena.take<float>(bias_.packed_count());
        bias_.part_count = 1;
        if (pass.trains) bias_.parts = arena.take<float>(bias_.packed_count());
        add_row(bias_);
      }
    }
    rows_on_device_ = arena.take<WeightRow>(static_cast<std::int64_t>(rows_.size()));
    packed_chunks_on_device_ =
        arena.take<WeightChunk>(static_cast<std::int64_t>(packed_chunks_.size()));
    value_chunks_on_device_ =
        arena.take<WeightChunk>(static_cast<std::int64_t>(value_chunks_.size()));
    factor_ = arena.take<float>(1);
    squares_ = arena.take<float>(static_cast<std::int64_t>(value_chunks_.size()));
  }

  void add_row(const WeightRow& row) {
    const int index = static_cast<int>(rows_.size());
    for (int first = 0; first < row.packed_count(); first += WeightTable::kChunk) {
      packed_chunks_.push_back({index, first});
    }
    if (row.constant == 0.0F) {
      for (int first = 0; first < row.count(); first += WeightTable::kChunk) {
        value_chunks_.push_back({index, first});
      }
    }
    rows_.push_back(row);
  }

  /// Takes memory for the parts of a weight's gradient, which are sums over slices of the pixels:
  /// one sum over all pixels would not keep the device busy.
  void allocate_parts(Arena& arena, const Pass& pass, UnitRun<T>& unit) {
    WeightRow& row = unit.weight;
    if (row.depthwise) {
      row.part_count = depthwise_weight_parts(depthwise_size(unit, pass));
    } else {
      const std::int64_t pixels = pass.images * squared(unit.out_size);
      row.part_count = slices(pixels, row.out.memory(), row.packed_columns);
    }
    row.part_step = row.packed_count();
    row.parts = arena.take<float>(row.part_count * row.part_step);
  }

  /// Number of equal slices that fill the device, of at least kShortest pixels each if possible.
  int slices(std::int64_t pixels, int rows, int columns) const {
    constexpr int kTile = 128;
    constexpr std::int64_t kShortest = 1024;
    const int tiles = ((rows + kTile - 1) / kTile) * ((columns + kTile - 1) / kTile);
    std::int64_t count = std::max<std::int64_t>(2 * queue_->multiprocessors() / tiles, 1);
    count = std::min(count, std::max<std::int64_t>(pixels / kShortest, 1));
    while (pixels % count != 0) --count;
    return static_cast<int>(count);
  }

  WeightRow classifier_row() const {
    WeightRow row;
    row.offset = network_.classifier.offset;
    row.row_stride = network_.classifier.row_stride;
    row.decays = network_.classifier.decays;
    row.rows = network_.classes;
    row.columns = blocks_.back().paths.front().units.back().unit->out_channels;
    row.in = blocks_.back().paths.front().units.back().out_order;
    row.out = {ChannelOrder::Plain, network_.classes, 1};
    row.in_fp32 = true;
    row.packed_columns = row.in.memory();
    return row;
  }

  WeightRow bias_row() const {
    WeightRow row;
    row.offset = network_.bias.offset;
    row.row_stride = 1;
    row.decays = network_.bias.decays;
    row.rows = network_.classes;
    row.columns = 1;
    row.depthwise = true;  // One value per output.
    row.out = {ChannelOrder::Plain, network_.classes, 1};
    return row;
  }

  void allocate_activations(Arena& arena, const Pass& pass) {
    T* between[2] = {nullptr, nullptr};
    if (!pass.trains) allocate_boundaries(arena, pass, between);
    int next = 0;
    const T* x = static_cast<const T*>(pass.in);
    for (BlockRun<T>& block : blocks_) {
      block.x = x;
      const std::int64_t before = arena.used();
      const bool is_last = &block == &blocks_.back();
      if (block.is_head) {
        block.y = nullptr;
      } else if (is_last && !pass.trains) {
        block.y = static_cast<T*>(pass.out);
      } else if (block.block->is_identity()) {
        block.y = const_cast<T*>(x);
      } else if (pass.trains) {
        block.y = arena.take<T>(values_out(block, pass.images));
      } else {
        block.y = between[next];
        next = 1 - next;
      }
      for (PathRun<T>& path : block.paths) allocate_units(arena, pass, block, path);
      x = block.y;
      // Without a backward pass the next block takes the same memory.
      if (!pass.trains && !block.is_head) arena.back_to(before);
    }
  }

  static std::int64_t values_out(const BlockRun<T>& block, int images) {
    return images * squared(block.block->out_size) * block.y_order.memory();
  }
  static std::int64_t values_in(const BlockRun<T>& block, int images) {
    return images * squared(block.block->in_size) * block.x_order.memory();
  }

  void allocate_boundaries(Arena& arena, const Pass& pass, T** between) {
    std::int64_t most = 0;
    for (const BlockRun<T>& block : blocks_) {
      if (!block.is_head) most = std::max(most, values_out(block, pass.images));
    }
    between[0] = arena.take<T>(most);
    between[1] = arena.take<T>(most);
  }

  void allocate_units(Arena& arena, const Pass& pass, const BlockRun<T>& block, PathRun<T>& path) {
    const int offset = offset_of_source(*path.path, block.x_order);
    Activated<T> in{block.is_stem ? nullptr : block.x + offset, block.x_order.memory(), {}, false};
    bool is_raw = true;
    for (UnitRun<T>& unit : path.units) {
      const std::int64_t pixels_in = pass.images * squared(unit.in_size);
      const std::int64_t pixels_out = pass.images * squared(unit.out_size);
      unit.in = in;
      unit.activated = nullptr;
      if (!unit.is_depthwise) {
        if (block.is_stem && &unit == &path.units.front()) {
          unit.activated = arena.take<T>(pixels_out * unit.weight.packed_columns);
          unit.in.data = nullptr;
        } else if (!is_raw) {
          unit.activated = arena.take<T>(pixels_in * unit.weight.packed_columns);
        }
      }
      const int channels = unit.out_order.memory();
      unit.z = arena.take<T>(pixels_out * channels);
      const Lanes lanes(channels);
      const Grid grid = lanes.grid(pixels_out, queue_->multiprocessors());
      need_scratch(std::int64_t{grid.y} * channels * static_cast<std::int64_t>(sizeof(Moments)));
      if (unit.is_depthwise) {
        need_scratch(depthwise_parts(depthwise_size(unit, pass)) *
                     static_cast<std::int64_t>(sizeof(Moments)));
      }
      in = unit.out();
      is_raw = !unit.has_norm() && !unit.unit->relu;
    }
  }

  void need_scratch(std::int64_t bytes) { scratch_bytes_ = std::max(scratch_bytes_, bytes); }

  void allocate_classifier(Arena& arena, const Pass& pass) {
    const std::int64_t images = pass.trains ? pass.images : pass.images - pass.counted;
    averages_ = arena.take<float>(images * classifier_.packed_columns);
    logits_ = arena.take<float>(images * network_.classes);
    if (!pass.trains) return;
    averages_gradient_ = arena.take<float>(images * classifier_.packed_columns);
    logits_gradient_ = arena.take<float>(images * network_.classes);
    losses_ = arena.take<float>(images);
  }

  /// The gradients within a block reuse the memory of those of the other blocks.
  void allocate_gradients(Arena& arena, const Pass& pass) {
    std::int64_t most = 0;
    for (const BlockRun<T>& block : blocks_) {
      if (!block.is_stem) most = std::max(most, values_in(block, pass.images));
    }
    boundaries_[0] = arena.take<T>(most);
    boundaries_[1] = arena.take<T>(most);
    const std::int64_t before = arena.used();
    for (BlockRun<T>& block : blocks_) {
      for (PathRun<T>& path : block.paths) {
        for (UnitRun<T>& unit : path.units) {
          unit.gradient =
              arena.take<T>(pass.images * squared(unit.out_size) * unit.out_order.memory());
        }
      }
      arena.back_to(before);
    }
    // Later allocations must not overlap the gradients of any block.
    arena.take<unsigned char>(arena.most() - before);
  }

  /// Uploads all tables in one copy, since they are consecutive in device memory.
  void upload_tables() {
    auto* const begin = reinterpret_cast<unsigned char*>(rows_on_device_);
    const auto put = [&](const void* to, const auto& table) {
      using Row = typename std::decay_t<decltype(table)>::value_type;
      const auto at = static_cast<std::size_t>(static_cast<const unsigned char*>(to) - begin);
      const std::size_t bytes = table.size() * sizeof(Row);
      if (tables_.size() < at + bytes) tables_.resize(at + bytes);
      std::memcpy(tables_.data() + at, table.data(), bytes);
    };
    tables_.clear();
    put(rows_on_device_, rows_);
    put(packed_chunks_on_device_, packed_chunks_);
    put(value_chunks_on_device_, value_chunks_);
    queue_->upload(begin, tables_.data(), static_cast<std::int64_t>(tables_.size()));
  }

  // --- Forward -----------------------------------------------------------------------------------

  void forward_block(BlockRun<T>& block) {
    if (block.block->is_identity()) {
      if (block.y != block.x) {  // The caller provides the memory of the output.
        queue_->copy(block.y, block.x,
                     values_out(block, pass_.images) * static_cast<std::int64_t>(sizeof(T)));
      }
      return;
    }
    for (PathRun<T>& path : block.paths) {
      for (UnitRun<T>& unit : path.units) forward_unit(unit);
    }
    if (!block.is_head) concatenate(block);
  }

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
      launch(patches, patches.grid());
    } else if (unit.activated != nullptr) {
      const Lanes lanes(unit.weight.packed_columns);
      launch(Activate<T>{unit.in, unit.activated, pixels, unit.weight.packed_columns, lanes},
             lanes.grid(pixels, queue_->multiprocessors()));
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
    queue_->multiply(product);
    if (!unit.has_norm()) return;
    const int channels = unit.out_order.memory();
    const std::int64_t counted = pass_.counted * squared(unit.out_size);
    const Lanes lanes(channels);
    launch(TakeStatistics<T>{unit.z, counted, channels, lanes, kEpsilon, unit.norm,
                             reinterpret_cast<Moments*>(scratch_), counters_},
           lanes.grid(counted, queue_->multiprocessors()), TakeStatistics<T>::shared_bytes());
  }

  DepthwiseSize depthwise_size(const UnitRun<T>& unit, const Pass& pass) const {
    return {unit.out_order.memory(), pass.images,       unit.in_size,
            unit.unit->kernel,       unit.unit->stride, queue_->multiprocessors()};
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
    work.parts = reinterpret_cast<Moments*>(scratch_);
    work.counters = counters_;
    depthwise_forward(*queue_, work, unit.unit->kernel, unit.unit->stride);
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
    launch(work, lanes.grid(pixels, queue_->multiprocessors()));
  }

  /// Computes the averages and logits of the images from `first` on.
  void run_classifier(int first) {
    const UnitRun<T>& unit = blocks_.back().paths.front().units.back();
    const int images = pass_.images - first;
    const int channels = classifier_.packed_columns;
    const int pixels = static_cast<int>(squared(unit.out_size));
    Activated<T> in = unit.out();
    in.data += std::int64_t{first} * pixels * in.stride;
    launch(AveragePixels<T>{in, averages_, pixels, channels,
                            pass_.trains ? static_cast<float>(network_.dropout) : 0.0F, seed_},
           AveragePixels<T>::grid(images, channels));
    Product product;
    product.rows = images;
    product.columns = network_.classes;
    product.depth = channels;
    product.left = {averages_, channels, false};
    product.right = {classifier_.packed, channels, true};
    product.out = logits_;
    product.out_stride = network_.classes;
    queue_->multiply(product);
    if (!network_.has_bias) return;
    const std::int64_t count = std::int64_t{images} * network_.classes;
    launch(AddBias{logits_, static_cast<const float*>(bias_.packed), count, network_.classes},
           blocks_for(count, AddBias::kThreads));
  }

  static Grid blocks_for(std::int64_t count, int threads) {
    return {static_cast<int>((count + threads - 1) / threads), 1};
  }

  // --- Backward ----------------------------------------------------------------------------------

  void backward_classifier(const float* logits_gradient) {
    const int channels = classifier_.packed_columns;
    const int images = pass_.images;
    Product product;  // Gradient of the weights.
    product.rows = network_.classes;
    product.columns = channels;
    product.depth = images;
    product.left = {logits_gradient, network_.classes, true};
    product.right = {averages_, channels, false};
    product.out = const_cast<float*>(classifier_.parts);
    product.out_stride = channels;
    queue_->multiply(product);
    if (network_.has_bias) {
      launch(SumColumns{logits_gradient, const_cast<float*>(bias_.parts), images, network_.classes},
             blocks_for(network_.classes, SumColumns::kThreads));
    }
    product = {};  // Gradient of the averages.
    product.rows = images;
    product.columns = channels;
    product.depth = network_.classes;
    product.left = {logits_gradient, network_.classes, false};
    product.right = {classifier_.packed, channels, false};
    product.out = averages_gradient_;
    product.out_stride = channels;
    queue_->multiply(product);
    if (network_.dropout > 0.0) {
      const std::int64_t count = std::int64_t{images} * channels;
      launch(DropGradient{averages_gradient_, count, static_cast<float>(network_.dropout), seed_},
             blocks_for(count, DropGradient::kThreads));
    }
  }

  /// Where `gradient` of a unit is taken.
  enum class Known {
    Activated,  ///< At the activated output.
    Masked,     ///< At the activated output, with 0 where ReLU cut off; `terms` are known.
    Plain       ///< At z, before batch norm and ReLU.
  };

  void backward_block(BlockRun<T>& block, const T* dy, T* dx) {
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

  void pass_gradient(const BlockRun<T>& block, const DevicePath& path, const T* dy,
                     const ChannelOrder& y_order, int first_channel, T* dx, bool accumulates) {
    const std::int64_t pixels = pass_.images * squared(block.block->in_size);
    const ChannelOrder own = order_of_source(path, block.x_order);
    const Lanes lanes(own.memory());
    launch(PassGradient<T>{{dy, y_order.memory(), y_order, first_channel, own},
                           dx + offset_of_source(path, block.x_order),
                           block.x_order.memory(),
                           accumulates,
                           pixels,
                           lanes},
           lanes.grid(pixels, queue_->multiprocessors()));
  }

  /// `add` is added to the gradient of the path's input, unless it is nullptr.
  void backward_path(BlockRun<T>& block, PathRun<T>& path, const T* dy, T* dx, const T* add) {
    UnitRun<T>& last = path.units.back();
    if (block.is_head) {
      make_plain(last,
                 GradientOfAverage{averages_gradient_, classifier_.packed_columns,
                                   static_cast<int>(squared(last.out_size))},
                 false);
    } else {
      make_plain(last,
                 PartOfGradient<T>{dy, block.y_order.memory(), block.y_order, path.first_channel,
                                   last.out_order},
                 false);
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
  void make_plain(UnitRun<T>& unit, const Gradient& gradient, bool has_terms) {
    if (unit.has_norm() && !has_terms) reduce(unit, gradient);
    apply(unit, gradient);
  }

  template <typename Gradient>
  void reduce(UnitRun<T>& unit, const Gradient& gradient) {
    const std::int64_t pixels = pass_.images * squared(unit.out_size);
    const int channels = unit.out_order.memory();
    const Lanes lanes(channels);
    using Kernel = ReduceGradient<T, Gradient>;
    launch(Kernel{gradient, unit.out(), pixels, channels, lanes, unit.terms,
                  reinterpret_cast<GradientSums*>(scratch_), counters_},
           lanes.grid(pixels, queue_->multiprocessors()), Kernel::shared_bytes());
  }

  template <typename Gradient>
  void apply(UnitRun<T>& unit, const Gradient& gradient) {
    const std::int64_t pixels = pass_.images * squared(unit.out_size);
    const int channels = unit.out_order.memory();
    const Lanes lanes(channels);
    launch(
        ApplyGradient<T, Gradient>{gradient, unit.out(), unit.has_norm() ? unit.terms : NormTerms{},
                                   unit.gradient, pixels, channels, lanes},
        lanes.grid(pixels, queue_->multiprocessors()));
  }

  void backward_product(UnitRun<T>& unit, T* to, std::int64_t stride, const T* plus) {
    const std::int64_t pixels = pass_.images * squared(unit.out_size);
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
    queue_->multiply(product);
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
    queue_->multiply(product);
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
    work.images = pass_.images;
    work.in_size = unit.in_size;
    work.out_size = unit.out_size;
    work.sum_parts = reinterpret_cast<GradientSums*>(scratch_);
    work.counters = counters_;
    if (unit.in.norm.scale != nullptr) work.in_terms = terms_of_input(unit);
    depthwise_backward(*queue_, work, unit.unit->kernel, unit.unit->stride);
  }

  /// The terms of the preceding unit of the path, which precedes `unit` in memory.
  static NormTerms terms_of_input(const UnitRun<T>& unit) { return (&unit - 1)->terms; }

  std::unique_ptr<Queue> queue_;
  DeviceWeights weights_;
  std::shared_ptr<DeviceMemory> memory_;
  std::shared_ptr<DeviceMemory> fixed_;
  unsigned* counters_ = nullptr;

  // The current pass; its data are in `memory_`.
  DeviceNetwork network_;
  DeviceImages images_;
  Pass pass_;
  std::uint64_t seed_ = 0;
  std::vector<BlockRun<T>> blocks_;
  std::vector<WeightRow> rows_;
  std::vector<WeightChunk> packed_chunks_;
  std::vector<WeightChunk> value_chunks_;
  std::vector<unsigned char> tables_;  ///< Copy of the three tables for the upload.
  WeightRow* rows_on_device_ = nullptr;
  WeightChunk* packed_chunks_on_device_ = nullptr;
  WeightChunk* value_chunks_on_device_ = nullptr;
  WeightRow classifier_;
  WeightRow bias_;
  float* averages_ = nullptr;  ///< [images][channels].
  float* logits_ = nullptr;    ///< [images][classes].
  float* averages_gradient_ = nullptr;
  float* logits_gradient_ = nullptr;
  float* losses_ = nullptr;
  float* factor_ = nullptr;                ///< Factor that clips the gradients.
  float* squares_ = nullptr;               ///< Sums of squared gradients, one per chunk.
  T* boundaries_[2] = {nullptr, nullptr};  ///< Gradients between blocks, alternately.
  unsigned char* scratch_ = nullptr;       ///< Partial sums of one kernel.
  std::int64_t scratch_bytes_ = 0;
};

}  // namespace hsconas::cuda
