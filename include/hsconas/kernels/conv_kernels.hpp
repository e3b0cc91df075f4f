#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "hsconas/kernels/number.hpp"

namespace hsconas {

/// A square convolution with "same" padding (kernel / 2): dense, or depthwise (one group per
/// channel).
struct ConvGeometry {
  int in_channels = 0;
  int out_channels = 0;
  int kernel = 1;
  int stride = 1;
  bool depthwise = false;
  int in_size = 0;  ///< Pixels a side.

  int out_size() const { return (in_size + stride - 1) / stride; }
  std::int64_t in_pixels() const { return std::int64_t{in_size} * in_size; }
  std::int64_t out_pixels() const { return std::int64_t{out_size()} * out_size(); }
  int taps() const { return kernel * kernel; }
  int weights_per_output() const { return depthwise ? taps() : in_channels * taps(); }
};

/// Channels of an activation that lies pixel by pixel (NHWC): channel c of pixel p is
/// data[p * pixel_stride + c * channel_stride]. `channel_stride` is 1, or 2 for every other one.
template <typename T>
struct Channels {
  T* data = nullptr;
  std::int64_t pixel_stride = 0;
  int channel_stride = 1;
};

/// What stands between a convolution's output and its reader: per channel scale * z + shift, then
/// ReLU. Batch norm without weights of its own is scale 1 / sqrt(var + eps), shift -mean * scale.
/// Both arrays hold padded_channels() floats, zero behind the last channel.
struct Activation {
  const float* scale = nullptr;  ///< nullptr: the values are read as they are.
  const float* shift = nullptr;
  bool relu = false;
};

/// Mean and sum of squared differences from it, per channel, of `count` values.
struct Moments {
  double* mean = nullptr;
  double* squares = nullptr;
};

/// What the gradient of batch norm needs of its output gradient g at n values per channel:
/// sum(g) / n and sum(g * y) / n, y the normalised value. Padded as Activation's arrays.
struct NormGradient {
  const float* mean = nullptr;
  const float* along = nullptr;
};

/// One convolution's input and output while a range of images is worked on; T, float, Half or Bf16,
/// is what they are in memory.
template <typename T>
struct ConvForward {
  Channels<const T> in;
  Activation in_activation;
  const float* weights = nullptr;  ///< From ForwardKernels<T>::pack().
  Channels<T> out;                 ///< Every channel; before batch norm where moments are wanted,
                                   ///< and then without data where nothing reads it.
  Moments moments;                 ///< Of the range; nullptr where they are not wanted, and then
  Activation out_activation;       ///< applied to the output,
  Channels<const T> plus;          ///< and this added, where it has data.
};

/// What a forward pass is made of, with activations that are T in memory: float, or Half or Bf16
/// for half the traffic. Arithmetic is fp32 all the same, but for the products of dense
/// convolutions, whose factors are of 16 bits where the processor takes twice as many of them at a
/// time: of Half on "avx512-vnni" and better whole numbers, inputs in steps of 1/16383 of the
/// largest that a pixel's window has, and their sums exact; of Bf16 on "avx512-bf16" numbers of
/// bf16.
template <typename T>
struct ForwardKernels {
  /// `weights` is [out_channels, in_channels / groups, kernel, kernel]; `packed` takes
  /// packed_floats().
  void (*pack)(const ConvGeometry&, const float* weights, float* packed);
  void (*forward)(const ConvGeometry&, const ConvForward<T>&, std::int64_t first, std::int64_t last,
                  float* scratch);
  /// to = activated `from` (+ `plus` where its data is not nullptr), `channels` of pixels
  /// [first, last); with `accumulate`, is added to `to`.
  void (*write_activated)(int channels, Channels<const T> from, const Activation&,
                          Channels<const T> plus, Channels<T> to, bool accumulate,
                          std::int64_t first, std::int64_t last);
  /// `to` [images, channels] = the averages over the `pixels` of each of images [first, last).
  void (*average)(int channels, std::int64_t pixels, Channels<const T> from, float* to,
                  std::int64_t first, std::int64_t last);
};

/// One convolution's gradients, likewise.
template <typename T>
struct ConvBackward {
  Channels<const T> in;
  Activation in_activation;
  const float* weights = nullptr;  ///< From pack(); nullptr: no gradient of the input.
  const T* out = nullptr;          ///< [images, out_pixels, out_channels], before batch norm.
  Activation out_activation;
  NormGradient norm;
  Channels<const T> gradient;        ///< Of the activated output.
  Channels<T> in_gradient;           ///< Of the activated input.
  bool accumulate = false;           ///< Add to in_gradient instead of replacing it.
  float* weight_gradient = nullptr;  ///< packed_floats() of them, added to.
  /// Sums over the range of g and g * y at the input's own batch norm, added to; nullptr: none.
  double* in_sum = nullptr;
  double* in_along = nullptr;
};

/// What a backward pass is made of, with activations and their gradients that are T in memory,
/// float or Bf16; products are as in ForwardKernels.
template <typename T>
struct BackwardKernels {
  /// `weights` as in ForwardKernels.
  void (*pack)(const ConvGeometry&, const float* weights, float* packed);
  void (*backward)(const ConvGeometry&, const ConvBackward<T>&, std::int64_t first,
                   std::int64_t last, float* scratch);
  /// Adds to `sum` and `along` what NormGradient wants, of pixels [first, last); `z` as
  /// ConvBackward::out.
  void (*reduce)(int channels, const T* z, const Activation&, Channels<const T> gradient,
                 double* sum, double* along, std::int64_t first, std::int64_t last);
};

/// The operations of a supernet's forward and backward pass that carry nearly all of its time, on
/// one instruction set. Each works through images [first, last) on the calling thread, in `scratch`
/// of scratch_floats() floats; results depend on the range only. Arrays are fp32 unless said; none
/// is allocated here.
///
/// An activation is normalised while it is read and reduced while it is written, so each
/// convolution makes one pass over memory forward and one backward.
struct ConvKernels {
  const char* isa;  ///< "avx512-bf16", "avx512-vnni", "avx512", "avx2", "generic".
  int lanes;        ///< Floats in a vector.

  std::int64_t (*scratch_floats)(const ConvGeometry&);
  std::int64_t (*packed_floats)(const ConvGeometry&);  ///< Of weights and of their gradient.

  ForwardKernels<float> fp32;
  ForwardKernels<Half> half;
  ForwardKernels<Bf16> bf16;
  template <typename T>
  const ForwardKernels<T>& on() const {
    if constexpr (std::is_same_v<T, float>) {
      return fp32;
    } else if constexpr (std::is_same_v<T, Half>) {
      return half;
    } else {
      return bf16;
    }
  }

  BackwardKernels<float> fp32_back;
  BackwardKernels<Bf16> bf16_back;
  template <typename T>
  const BackwardKernels<T>& back_on() const {
    if constexpr (std::is_same_v<T, float>) {
      return fp32_back;
    } else {
      return bf16_back;
    }
  }
  /// The inverse of ForwardKernels<float>'s pack(), for the gradient; adds the packed one to
  /// nothing: `weights` is overwritten.
  void (*unpack_gradient)(const ConvGeometry&, const float* packed, float* weights);
};

/// Whether the kernels have this convolution: every dense one forward and for its weights' gradient
/// (the gradient of its input only for 1x1 at stride 1), depthwise 3x3, 5x5 and 7x7 at stride 1
/// or 2.
bool is_supported(const ConvGeometry& shape, bool needs_in_gradient);

/// The instruction sets this processor has, best first; never empty.
std::span<const ConvKernels> conv_kernels();

/// `channels` rounded up so that vectors of any instruction set fit.
constexpr int padded_channels(int channels) {
  return (channels + 15) / 16 * 16;
}

}  // namespace hsconas
