#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "hsconas/kernels/conv_kernels.hpp"
#include "hsconas/kernels/norm_factors.hpp"
#include "hsconas/kernels/workspace.hpp"

namespace hsconas {

/// A convolution, then batch norm without weights of its own, and perhaps ReLU.
struct ConvUnit {
  ConvGeometry shape;
  bool relu = false;
};

/// A convolution's weights in the layout in which forward passes read them.
class PackedWeights {
 public:
  PackedWeights() = default;  ///< No weights.
  /// Packs `weights` [out, in / groups, kernel, kernel] for passes with activations of type T.
  template <typename T>
  static PackedWeights of(const ConvKernels& kernels, const ConvGeometry& shape,
                          const float* weights) {
    PackedWeights packed;
    kernels.on<T>().pack(shape, weights, packed.memory_.at_least(kernels.packed_floats(shape)));
    return packed;
  }

  const float* data() const { return memory_.data(); }

 private:
  Workspace memory_;
};

/// Runs chains of units on images in NHWC layout, on several threads of this processor. Images are
/// divided into fixed parts, so results depend on the number of threads, but not on which thread
/// takes a part. Only one call at a time may run, since the workspaces are shared.
class ConvChains {
 public:
  /// `kernels` is one of conv_kernels().
  explicit ConvChains(int threads, const ConvKernels& kernels = conv_kernels().front());

  const ConvKernels& kernels() const { return kernels_; }

  template <typename T>
  struct InputOf {
    Channels<const T> pixels;
    Activation activation;
    std::int64_t images = 0;
  };
  using Input = InputOf<float>;

  /// Channels that are only copied, at a time when their pixels are in cache.
  template <typename T>
  struct Copy {
    int channels = 0;
    Channels<const T> from = {};
    Channels<T> to = {};
  };

  /// Where activated values are written.
  template <typename T>
  struct OutputOf {
    Channels<T> to;
    Channels<const T> plus = {};  ///< Added to the values if it has data.
    Copy<T> copy = {};
  };

  /// Runs all units one after the other, with batch statistics and `epsilon`, and returns the
  /// statistics. `outs` takes each unit's output [images, out_pixels, out_channels] before batch
  /// norm. `weights` are [out, in / groups, kernel, kernel]. Activations are stored as T, float or
  /// Bf16.
  template <typename T>
  std::vector<NormStatistics> forward(std::span<const ConvUnit> units, const InputOf<T>& in,
                                      std::span<const float* const> weights,
                                      std::span<T* const> outs, double epsilon);

  /// Like forward(), but keeps nothing for a backward pass and stores activations as T, float or
  /// Half. The activated result goes to `out`; nothing is written if `out.to` has no data.
  template <typename T>
  std::vector<NormStatistics> calibrate(std::span<const ConvUnit> units, const InputOf<T>& in,
                                        std::span<const PackedWeights> weights, double epsilon,
                                        const OutputOf<T>& out);

  /// Like calibrate(), but with given statistics.
  template <typename T>
  void apply(std::span<const ConvUnit> units, const InputOf<T>& in,
             std::span<const PackedWeights> weights, std::span<const NormFactors> norms,
             const OutputOf<T>& out);

  /// The gradients that a backward pass reads and writes.
  template <typename T>
  struct GradientsOf {
    Channels<const T> out;            ///< Read: at the last unit's activated output.
    Channels<T> in;                   ///< Written: at the input; data nullptr: not wanted.
    bool accumulate = false;          ///< Add to `in` instead of replacing it.
    std::span<float* const> weights;  ///< Written: of the weights, replacing what was there.
    Copy<T> copy = {};                ///< Copied as well, for the pixels of the input.
  };

  /// The gradients of forward(), from its `outs` and the `norms` made of its statistics.
  template <typename T>
  void backward(std::span<const ConvUnit> units, const InputOf<T>& in,
                std::span<const float* const> weights, std::span<const T* const> outs,
                std::span<const NormFactors> norms, const GradientsOf<T>& gradients);

  /// Writes activated `from` for `pixels` pixels to `out`; with `accumulate` adds it to `out.to`.
  template <typename T>
  void write(int channels, std::int64_t pixels, Channels<const T> from,
             const Activation& activation, const OutputOf<T>& out, bool accumulate = false);

  /// Writes the averages over the `pixels` of each image to `to` [images, channels].
  template <typename T>
  void average(int channels, std::int64_t images, std::int64_t pixels, Channels<const T> from,
               float* to);

 private:
  struct GradientSums;  ///< The sums for NormGradient, before division: [part][channel].

  /// Calls work(thread, part, first, last) for [0, count) cut into `parts_each` parts per thread.
  template <typename Work>
  void in_parts(std::int64_t count, int parts_each, Work work);
  /// Packs the weights of all units from `first` on into `packed_`, by `kernel`.
  void pack(std::span<const ConvUnit> units, std::size_t first,
            std::span<const float* const> weights, decltype(BackwardKernels<float>::pack) kernel);
  /// Runs all units one after the other, with batch statistics. `memory(u)` gives unit u's packed
  /// weights and the memory for its output. At the end `norm` is that of the last unit.
  template <typename T, typename Memory>
  std::vector<NormStatistics> run(std::span<const ConvUnit> units, InputOf<T> in, double epsilon,
                                  NormFactors& norm, Memory memory);
  /// Copies the channels of pixels [first, last), on the calling thread.
  template <typename T>
  void copy(const Copy<T>& copy, std::int64_t first, std::int64_t last) const;
  /// Runs one convolution and returns the statistics of its output; `work` comes without moments.
  template <typename T>
  NormStatistics convolve(const ConvGeometry& shape, std::int64_t images,
                          const ConvForward<T>& work);

  /// Sums of `gradient` at the activated output of `unit`, whose output before batch norm is `z`.
  template <typename T>
  GradientSums reduce(const ConvUnit& unit, std::int64_t images, const T* z,
                      const NormFactors& norm, Channels<const T> gradient);
  /// Memory for the weight gradient of a unit, `floats` for each part into which the images are
  /// divided. There are fewer parts if it is large.
  std::span<Workspace> weight_gradient_parts(std::size_t unit, std::int64_t floats);
  /// Adds up the parts of each unit's weight gradient and writes it to `to`.
  void write_weight_gradients(std::span<const ConvUnit> units,
                              std::span<const std::span<Workspace>> parts,
                              std::span<float* const> to);

  ConvKernels kernels_;
  int threads_;
  int parts_each_;                  ///< Parts per thread, if parts are cheap to put together.
  std::vector<Workspace> packed_;   ///< One per unit.
  std::vector<Workspace> scratch_;  ///< One per thread.
  std::vector<std::vector<Workspace>> weight_gradients_;  ///< [unit][part].
  Workspace between_[2];  ///< Activations (forward) or gradients (backward) between units.
  std::vector<std::array<Workspace, 2>> between_of_;  ///< [thread], in apply().
};

}  // namespace hsconas
