#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hsconas/kernels/conv_kernels.hpp"

namespace hsconas {

/// A convolution, the batch norm behind it (without weights of its own) and perhaps ReLU.
struct ConvUnit {
  ConvGeometry shape;
  bool relu = false;
};

/// What a batch norm saw: per channel, of the whole population (divided by n).
struct NormStatistics {
  std::vector<double> mean;
  std::vector<double> variance;
};

/// Batch norm as one multiplication and one addition per value.
class NormFactors {
 public:
  NormFactors() = default;  ///< None: values stay as they are.
  NormFactors(const NormStatistics& statistics, double epsilon);

  Activation activation(bool relu) const { return {scale_.data(), shift_.data(), relu}; }

 private:
  std::vector<float> scale_;
  std::vector<float> shift_;
};

/// Memory that keeps its size from use to use, aligned for vectors. Not initialised.
class Workspace {
 public:
  float* at_least(std::int64_t floats);
  template <typename T>
  T* at_least_of(std::int64_t values) {
    constexpr auto kValue = static_cast<std::int64_t>(sizeof(T));
    constexpr auto kFloat = static_cast<std::int64_t>(sizeof(float));
    return reinterpret_cast<T*>(at_least((values * kValue + kFloat - 1) / kFloat));
  }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* p) const;
  };
  std::unique_ptr<float[], Free> data_;
  std::int64_t floats_ = 0;
};

/// A convolution's weights [out, in / groups, kernel, kernel] as forward passes read them.
class PackedWeights {
 public:
  PackedWeights() = default;  ///< None.
  /// For passes with activations of type T.
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

/// Chains of units on images that lie pixel by pixel (NHWC), on some threads of this processor.
/// Images are dealt out in fixed parts, so results depend on the number of threads only, not on
/// which of them took a part.
/// One at a time may run: the workspaces are shared.
class ConvChains {
 public:
  /// With `kernels` that this processor has, see conv_kernels().
  explicit ConvChains(int threads, const ConvKernels& kernels = conv_kernels().front());

  const ConvKernels& kernels() const { return kernels_; }

  template <typename T>
  struct InputOf {
    Channels<const T> pixels;
    Activation activation;
    std::int64_t images = 0;
  };
  using Input = InputOf<float>;

  /// Channels that are only copied, while their pixels are in cache.
  template <typename T>
  struct Copy {
    int channels = 0;
    Channels<const T> from = {};
    Channels<T> to = {};
  };

  /// Where activated values go.
  template <typename T>
  struct OutputOf {
    Channels<T> to;
    Channels<const T> plus = {};  ///< Added, where it has data.
    Copy<T> copy = {};
  };

  /// All units one after the other, with batch statistics; `outs` takes each one's output [images,
  /// out_pixels, out_channels] before its batch norm, with this `epsilon`. `weights` are [out, in /
  /// groups, kernel, kernel]. Activations are T, float or Bf16, in memory. Returns the statistics.
  template <typename T>
  std::vector<NormStatistics> forward(std::span<const ConvUnit> units, const InputOf<T>& in,
                                      std::span<const float* const> weights,
                                      std::span<T* const> outs, double epsilon);

  /// The same without what a backward pass needs, with activations that are T, float or Half, in
  /// memory. Where `out.to` has no data nothing is written.
  template <typename T>
  std::vector<NormStatistics> calibrate(std::span<const ConvUnit> units, const InputOf<T>& in,
                                        std::span<const PackedWeights> weights, double epsilon,
                                        const OutputOf<T>& out);

  /// The same with known statistics.
  template <typename T>
  void apply(std::span<const ConvUnit> units, const InputOf<T>& in,
             std::span<const PackedWeights> weights, std::span<const NormFactors> norms,
             const OutputOf<T>& out);

  /// Gradients that come to units, and where those go that leave them.
  template <typename T>
  struct GradientsOf {
    Channels<const T> out;            ///< Of the last unit's activated output.
    Channels<T> in;                   ///< Of the input; data nullptr where none is wanted.
    bool accumulate = false;          ///< Add to `in` instead of replacing it.
    std::span<float* const> weights;  ///< Replaced.
    Copy<T> copy = {};                ///< Between pixels of the input.
  };

  /// The gradients of forward(): `outs` and `norms` as it left them.
  template <typename T>
  void backward(std::span<const ConvUnit> units, const InputOf<T>& in,
                std::span<const float* const> weights, std::span<const T* const> outs,
                std::span<const NormFactors> norms, const GradientsOf<T>& gradients);

  /// Writes activated `from` for `pixels` pixels; with `accumulate` adds it to what is there.
  template <typename T>
  void write(int channels, std::int64_t pixels, Channels<const T> from,
             const Activation& activation, const OutputOf<T>& out, bool accumulate = false);

  /// The averages over each image's `pixels`: `to` takes [images, channels].
  template <typename T>
  void average(int channels, std::int64_t images, std::int64_t pixels, Channels<const T> from,
               float* to);

 private:
  /// `work(thread, part, first, last)` for all of `count` in `parts_each` parts per thread.
  template <typename Work>
  void in_parts(std::int64_t count, int parts_each, Work work);
  /// Every unit's weights from `first` on, by `kernel`, into `packed_`.
  void pack(std::span<const ConvUnit> units, std::size_t first,
            std::span<const float* const> weights, decltype(BackwardKernels<float>::pack) kernel);
  /// All units one after the other, with batch statistics; `memory(u)` gives unit u's packed
  /// weights and takes its output. `norm` ends as the last unit's.
  template <typename T, typename Memory>
  std::vector<NormStatistics> run(std::span<const ConvUnit> units, InputOf<T> in, double epsilon,
                                  NormFactors& norm, Memory memory);
  /// The copied channels of pixels [first, last), on the calling thread.
  template <typename T>
  void copy(const Copy<T>& copy, std::int64_t first, std::int64_t last) const;
  /// One convolution with what the batch norm behind it sees: `work` without its moments.
  template <typename T>
  NormStatistics convolve(const ConvGeometry& shape, std::int64_t images,
                          const ConvForward<T>& work);

  ConvKernels kernels_;
  int threads_;
  int parts_each_;                  ///< Of work whose parts are cheap to put together.
  std::vector<Workspace> packed_;   ///< One per unit.
  std::vector<Workspace> scratch_;  ///< One per thread.
  std::vector<std::vector<Workspace>> weight_gradients_;  ///< [unit][part].
  Workspace between_[2];  ///< What units hand on: forward, activations; backward, gradients.
  std::vector<std::array<Workspace, 2>> between_of_;  ///< The same of each thread's few images.
};

}  // namespace hsconas
