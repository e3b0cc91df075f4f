#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hsconas/kernels/number.hpp"

// In C++17, since CUDA's compilers read this header too.
namespace hsconas {

/// The part of a shared weight [full out, full in / groups, kernel, kernel] that a convolution
/// uses: the first rows, and the first values of each row. Its momentum and gradient lie at the
/// same place of their arrays.
struct DeviceWeight {
  std::int64_t offset = 0;      ///< First value in the flat array of all weights.
  std::int64_t row_stride = 0;  ///< Values from one output channel's weights to the next one's.
  bool decays = true;           ///< Whether weight decay applies.
};

/// A convolution or an average pooling with the batch norm, ReLU and channel shuffle that follow
/// it. Images are square; padding is kernel / 2.
struct DeviceUnit {
  int in_channels = 0;
  int out_channels = 0;
  int kernel = 1;
  int stride = 1;
  int groups = 1;
  int in_size = 0;     ///< Pixels a side.
  bool pools = false;  ///< Average pooling, which counts padding and has no weights.
  bool norm = false;   ///< Batch norm without weights of its own, with batch statistics.
  bool relu = false;
  int shuffle = 1;  ///< Groups of the channel shuffle at the end (ShuffleNet, 2018); 1: none.
  DeviceWeight weight;

  int out_size() const { return (in_size + stride - 1) / stride; }
  /// Whether there is one group per channel.
  bool is_depthwise() const {
    return groups == in_channels && in_channels == out_channels && (groups > 1 || kernel > 1);
  }
};

/// Which channels of its block's input a path reads.
enum class ChannelsRead { All, Even, Odd };

struct DevicePath {
  ChannelsRead reads = ChannelsRead::All;
  std::vector<DeviceUnit> units;  ///< Empty: the channels are passed on.
  int in_channels = 0;
  int out_channels = 0;
};

/// A layer: several paths from the same input whose outputs are concatenated, or one path to whose
/// output the input is added.
struct DeviceBlock {
  int in_channels = 0;
  int out_channels = 0;
  int in_size = 0;
  int out_size = 0;
  bool adds_input = false;
  std::vector<DevicePath> paths;

  bool is_identity() const { return paths.size() == 1 && paths.front().units.empty(); }
};

/// A network: the stem (one convolution that reads images), layers, and the head (a 1x1
/// convolution, the average over the image, dropout and a linear classifier).
struct DeviceNetwork {
  std::vector<DeviceBlock> blocks;  ///< Stem first, head last.
  /// Between blocks, even channels are stored before odd ones, so that a path can read either half
  /// in place.
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

/// Settings of a step of gradient descent, see sgd_step().
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
  float* gradient = nullptr;  ///< backward() writes the parts that the network uses.
};

/// Provides device memory to an engine.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  /// At least `bytes` bytes, aligned to 256. The memory of an earlier call becomes invalid. Throws
  /// Error(Device) when there is not enough.
  virtual void* at_least(std::int64_t bytes) = 0;
};

/// Runs networks forward and backward on one device. Work is only enqueued; no function but
/// take_times() waits for the device. Activations are of one Number type; weights, their gradients,
/// sums and statistics are fp32. Results are the same in every run on the same kind of device.
///
/// Kernels take a network's widths as arguments, so nothing is compiled for particular widths.
class DeviceEngine {
 public:
  virtual ~DeviceEngine() = default;

  /// Reserves memory for the forward and backward pass of `images` images through any network whose
  /// blocks are among `choices`, [position][choice].
  virtual void reserve(const std::vector<std::vector<DeviceBlock>>& choices, int classes,
                       int images) = 0;

  /// The forward pass for training, with batch statistics. Returns the logits [images, classes],
  /// which stay until the next call, like everything that backward() needs. `seed` is that of
  /// dropout.
  virtual const float* forward(const DeviceNetwork& network, const DeviceImages& images,
                               std::uint64_t seed) = 0;
  /// Writes the mean cross entropy of the logits of forward() to `loss` and returns the gradient of
  /// the logits. Label smoothing: the target is 1 - smoothing for the label, plus smoothing /
  /// classes for every class. `labels` has one entry per image, on the device.
  virtual const float* loss(const std::int64_t* labels, double smoothing, float* loss) = 0;
  /// Computes the gradients of all the network's weights from that of the logits [images, classes].
  virtual void backward(const float* logits_gradient) = 0;
  /// The number of weights of the network of forward().
  virtual std::int64_t weight_count() const = 0;
  /// Writes the gradients of backward() to `gradient`, weight_count() values on the device in a
  /// fixed order.
  virtual void copy_gradient(float* gradient) = 0;
  /// Makes one step of gradient descent on the network's weights, with `gradient`, which has the
  /// form of copy_gradient(), or with the gradients of backward() if it is nullptr.
  virtual void update(const DeviceSgd& settings, const float* gradient) = 0;

  /// Runs the blocks [first, last) of `network` without gradients. `in` is the output of block
  /// `first` - 1, or nullptr for the stem, which reads `images`. Batch norm uses the statistics of
  /// the first `counted` images. Unless block `last` - 1 is the head, its output goes to `out`, for
  /// which the caller provides bytes_before(network, last, images) bytes.
  virtual void run(const DeviceNetwork& network, int first, int last, const void* in,
                   const DeviceImages& images, int counted, void* out) = 0;
  /// Bytes of the output of block `position` - 1 for `images` images.
  virtual std::int64_t bytes_before(const DeviceNetwork& network, int position,
                                    int images) const = 0;
  /// Like run() up to the head, then the classifier for the images from `counted` on. For each of
  /// these, `right` becomes 1 if the largest logit is that of its label, 0 if not, 2 if a logit is
  /// not finite. `labels` and `right` have one entry per such image, on the device.
  virtual void classify(const DeviceNetwork& network, int first, const void* in,
                        const DeviceImages& images, int counted, const std::int64_t* labels,
                        std::uint8_t* right) = 0;

  /// Number of kernels and products enqueued so far.
  virtual std::int64_t launches() const = 0;

  struct KernelTime {
    std::string name;  ///< A kernel's name is mangled.
    std::int64_t launches = 0;
    double ms = 0.0;
  };
  /// Turns the timing of single launches on or off; for benchmarks.
  virtual void time_launches(bool on) = 0;
  /// Waits for the device and returns the times of all launches since the last call, by kernel.
  virtual std::vector<KernelTime> take_times() = 0;
};

/// An engine on the current GPU that enqueues to `stream` (a cudaStream_t) and computes with
/// activations of `type`. `memory` is used during a pass and may be shared by engines of which only
/// one at a time is in a pass; `fixed` belongs to this engine alone. `weights` must outlive the
/// engine.
std::unique_ptr<DeviceEngine> make_device_engine(void* stream, Number type,
                                                 const DeviceWeights& weights,
                                                 std::shared_ptr<DeviceMemory> memory,
                                                 std::shared_ptr<DeviceMemory> fixed);

}  // namespace hsconas
