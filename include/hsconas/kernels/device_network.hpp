#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/kernels/number.hpp"

// C++17: CUDA's compilers read it too.
namespace hsconas {

/// The part of a shared weight [full out, full in / groups, kernel, kernel] that a convolution
/// uses: the first rows, and of each row the first values. The same place holds for its momentum
/// and its gradient.
struct DeviceWeight {
  std::int64_t offset = 0;      ///< First value in the flat array of all weights.
  std::int64_t row_stride = 0;  ///< Values from one output channel's weights to the next one's.
  bool decays = true;
};

/// A convolution or an average pooling, what is behind it up to the next one included. Images are
/// square; padding is kernel / 2.
struct DeviceUnit {
  int in_channels = 0;
  int out_channels = 0;
  int kernel = 1;
  int stride = 1;
  int groups = 1;
  int in_size = 0;     ///< Pixels a side.
  bool pools = false;  ///< Average pooling, padding counts: no weights.
  bool norm = false;   ///< Batch norm without weights of its own, with batch statistics.
  bool relu = false;
  int shuffle = 1;  ///< Channels are interleaved in so many groups at the end (ShuffleNet, 2018).
  DeviceWeight weight;

  int out_size() const { return (in_size + stride - 1) / stride; }
  /// One group per channel.
  bool is_depthwise() const {
    return groups == in_channels && in_channels == out_channels && (groups > 1 || kernel > 1);
  }
};

/// Which channels of its block's input a path reads.
enum class ChannelsRead { All, Even, Odd };

struct DevicePath {
  ChannelsRead reads = ChannelsRead::All;
  std::vector<DeviceUnit> units;  ///< None: the channels are passed on.
  int in_channels = 0;
  int out_channels = 0;
};

/// A layer: paths from the same input, whose outputs are concatenated; or one path, to whose output
/// the input is added.
struct DeviceBlock {
  int in_channels = 0;
  int out_channels = 0;
  int in_size = 0;
  int out_size = 0;
  bool adds_input = false;
  std::vector<DevicePath> paths;

  bool is_identity() const { return paths.size() == 1 && paths.front().units.empty(); }
};

/// A network: the stem, one convolution of kernel x kernel that reads images; layers; the head, one
/// 1x1 convolution, then the average over the image, dropout and a linear classifier.
struct DeviceNetwork {
  std::vector<DeviceBlock> blocks;  ///< Stem first, head last.
  /// Between blocks even channels lie before odd ones, so that a path can read either half in
  /// place.
  bool splits_channels = false;
  int classes = 0;
  DeviceWeight classifier;
  bool has_bias = false;
  DeviceWeight bias;
  double dropout = 0.0;  ///< Probability that a value is dropped.
};

/// Images in device memory.
struct DeviceImages {
  const float* values = nullptr;  ///< [count, size, size, channels], normalised.
  int count = 0;
  int channels = 0;
};

/// The settings of a step of gradient descent, see sgd_step().
struct DeviceSgd {
  double lr = 0.0;
  double momentum = 0.0;
  double weight_decay = 0.0;
  double clip_norm = 0.0;  ///< 0: gradients are not clipped.
};

/// The weights that all networks share, in device memory: three flat fp32 arrays of one length.
struct DeviceWeights {
  float* values = nullptr;
  float* momentum = nullptr;
  float* gradient = nullptr;  ///< Written by backward() where the network has weights.
};

/// Where an engine takes device memory from.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  /// At least so many bytes, aligned to 256; what an earlier call returned is gone. Throws
  /// Error(Device) when there are not so many.
  virtual void* at_least(std::int64_t bytes) = 0;
};

/// Runs networks forward and backward on one device, whose work is only enqueued: nothing here
/// waits for the device. Activations are of one Number type; weights, their gradients, sums and
/// statistics are fp32. Results are the same in every run on the same kind of device.
///
/// Nothing depends on which widths a network has: kernels take them as numbers.
class DeviceEngine {
 public:
  virtual ~DeviceEngine() = default;

  /// Makes room for the forward and backward pass of `images` images through any network whose
  /// blocks are among `choices`, [position][choice].
  virtual void reserve(const std::vector<std::vector<DeviceBlock>>& choices, int classes,
                       int images) = 0;

  /// The forward pass for training, with batch statistics; returns the logits [images, classes].
  /// They and what backward() needs stay until the next call. `seed` draws the dropout.
  virtual const float* forward(const DeviceNetwork& network, const DeviceImages& images,
                               std::uint64_t seed) = 0;
  /// The mean cross entropy of the logits of forward() with label smoothing (class k is wanted with
  /// 1 - smoothing, plus smoothing / classes for every class), into `loss`; returns the gradient of
  /// the logits. `labels`: one per image, on the device.
  virtual const float* loss(const std::int64_t* labels, double smoothing, float* loss) = 0;
  /// Gradients of all of the network's weights, from that of the logits [images, classes].
  virtual void backward(const float* logits_gradient) = 0;
  /// One step of gradient descent with the gradients of backward(), on the network's weights.
  virtual void update(const DeviceSgd& settings) = 0;

  /// The blocks [first, last) of `network` without gradients. `in` is what the block before `first`
  /// made, or nullptr for the stem, which reads `images`. Batch norm uses the statistics of the
  /// first `counted` images. Returns the output of the block before `last`, if that is not the
  /// head, in memory of `out_bytes()` that the caller passes.
  virtual void run(const DeviceNetwork& network, int first, int last, const void* in,
                   const DeviceImages& images, int counted, void* out) = 0;
  /// Bytes between blocks: the output of block `position` - 1.
  virtual std::int64_t bytes_before(const DeviceNetwork& network, int position,
                                    int images) const = 0;
  /// As run() up to the head and its classifier for the images from `counted` on: `right` takes 1
  /// for each whose largest logit is that of its label, 0 for the others, 2 where a logit is not
  /// finite. `labels` and `right` have one entry for each of these images, on the device.
  virtual void classify(const DeviceNetwork& network, int first, const void* in,
                        const DeviceImages& images, int counted, const std::int64_t* labels,
                        std::uint8_t* right) = 0;

  /// Kernels and products that were enqueued so far.
  virtual std::int64_t launches() const = 0;

  struct KernelTime {
    std::string name;  ///< Mangled, for a kernel.
    std::int64_t launches = 0;
    double ms = 0.0;
  };
  /// While on, every launch is timed by itself; for benchmarks.
  virtual void time_launches(bool on) = 0;
  /// Waits for the device. The times of all launches since the last call, by kernel.
  virtual std::vector<KernelTime> take_times() = 0;
};

/// An engine on the current GPU that enqueues to `stream` (a cudaStream_t) and computes with
/// activations of `type`. `memory` holds what one pass needs and may serve several engines, of which
/// one at a time is in a pass; `fixed` is this engine's own. `weights` must outlive the engine.
std::unique_ptr<DeviceEngine> make_device_engine(void* stream, Number type,
                                                 const DeviceWeights& weights,
                                                 std::shared_ptr<DeviceMemory> memory,
                                                 std::shared_ptr<DeviceMemory> fixed);

}  // namespace hsconas
