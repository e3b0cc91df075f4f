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

/// Channels of an activation in NHWC layout: channel c of pixel p is
/// data[p * pixel_stride + c * channel_stride]. `channel_stride` is 1, or 2 for alternate channels.
template <typename T>
struct Channels {
  T* data = nullptr;
  std::int64_t pixel_stride = 0;
  int channel_stride = 1;
};

/// How a convolution's output z is read: scale * z + shift per channel, then ReLU. Batch norm
/// without weights of its own has scale 1 / sqrt(var + eps) and shift -mean * scale. Both arrays
/// hold padded_channels() floats, which are zero behind the last channel.
struct Activation {
  const float* scale = nullptr;  ///< nullptr: the values are read as they are.
  const float* shift = nullptr;
  bool relu = false;
};

/// Mean and sum of squared differences from the mean, per channel.
struct Moments {
  double* mean = nullptr;
  double* squares = nullptr;
};

/// Sums over the gradient g at the output y of a batch norm, which its own gradient needs, for n
/// values per channel. The arrays are padded like those of Activation.
struct NormGradient {
  const float* mean = nullptr;   ///< sum(g) / n.
  const float* along = nullptr;  ///< sum(g * y) / n.
};

/// Input and output of one convolution for a range of images. They are stored as T: float, Half or
/// Bf16.
template <typename T>
struct ConvForward {
  Channels<const T> in;
  Activation in_activation;
  const float* weights = nullptr;  ///< From ForwardKernels<T>::pack().
  /// All channels. With moments they are written before batch norm, and only if there is data.
  Channels<T> out;
  Moments moments;  ///< Moments of the range; nullptr: not wanted.
  // Without moments:
  Activation out_activation;  ///< Applied to the output.
  Channels<const T> plus;     ///< Added to the activated output if it has data.
};

/// The functions of a forward pass with activations stored as T: float, or Half or Bf16 for half
/// the memory traffic. Arithmetic is fp32 except for the products of dense convolutions, whose
/// factors have 16 bits if the processor multiplies twice as many of these at a time:
/// - Half on "avx512-vnni" and better: factors are quantised to integers and sums are exact. The
///   quantisation step of an input is 1/16383 of the largest magnitude in its pixel's window;
/// - Bf16 on "avx512-bf16" and better: factors are rounded to bf16.
template <typename T>
struct ForwardKernels {
  /// Packs `weights` [out_channels, in_channels / groups, kernel, kernel] into packed_floats()
  /// floats at `packed`.
  void (*pack)(const ConvGeometry&, const float* weights, float* packed);
  void (*forward)(const ConvGeometry&, const ConvForward<T>&, std::int64_t first, std::int64_t last,
                  float* scratch);
  /// Writes activated `from`, plus `plus` if that has data, to `to`, for `channels` channels of
  /// pixels [first, last); with `accumulate` adds it to `to`.
  void (*write_activated)(int channels, Channels<const T> from, const Activation&,
                          Channels<const T> plus, Channels<T> to, bool accumulate,
                          std::int64_t first, std::int64_t last);
  /// `to` [images, channels] = the averages over the `pixels` of each of images [first, last).
  void (*average)(int channels, std::int64_t pixels, Channels<const T> from, float* to,
                  std::int64_t first, std::int64_t last);
};

/// Gradients of one convolution for a range of images, stored as T: float or Bf16.
template <typename T>
struct ConvBackward {
  Channels<const T> in;
  Activation in_activation;
  const float* weights = nullptr;  ///< From pack(); nullptr: no gradient of the input.
  const T* out = nullptr;          ///< [images, out_pixels, out_channels], before batch norm.
  Activation out_activation;
  NormGradient norm;
  Channels<const T> gradient;        ///< Read: at the activated output.
  Channels<T> in_gradient;           ///< Written: at the activated input.
  bool accumulate = false;           ///< Add to in_gradient instead of replacing it.
  float* weight_gradient = nullptr;  ///< The gradient is added to these packed_floats() floats.
  /// The sums of g and of g * y at the input's own batch norm are added to these; nullptr: none.
  double* in_sum = nullptr;
  double* in_along = nullptr;
};

/// The functions of a backward pass with activations and their gradients stored as T, float or
/// Bf16. Products are as in ForwardKernels.
template <typename T>
struct BackwardKernels {
  /// Packs `weights` as in ForwardKernels, in another layout.
  void (*pack)(const ConvGeometry&, const float* weights, float* packed);
  void (*backward)(const ConvGeometry&, const ConvBackward<T>&, std::int64_t first,
                   std::int64_t last, float* scratch);
  /// Adds sum(g) and sum(g * y) of NormGradient over pixels [first, last) to `sum` and `along`; `z`
  /// is ConvBackward::out.
  void (*reduce)(int channels, const T* z, const Activation&, Channels<const T> gradient,
                 double* sum, double* along, std::int64_t first, std::int64_t last);
};

/// The operations that take nearly all of the time of a supernet's forward and backward pass, for
/// one instruction set. Each processes images [first, last) on the calling thread, with
/// scratch_floats() floats of `scratch`; results depend on the range only. Arrays are fp32 unless
/// said otherwise. Nothing is allocated.
///
/// An activation is normalised while it is read and reduced to statistics while it is written, so
/// each convolution makes one pass over memory forward and one backward.
struct ConvKernels {
  const char* isa;  ///< "avx512-amx", "avx512-bf16", "avx512-vnni", "avx512", "avx2", "generic".
  int lanes;        ///< Floats in a vector.

  std::int64_t (*scratch_floats)(const ConvGeometry&);
  std::int64_t (*packed_floats)(const ConvGeometry&);  ///< Packed size of weights or gradient.

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
  /// Inverse of ForwardKernels<float>::pack, for a packed gradient; overwrites `weights`.
  void (*unpack_gradient)(const ConvGeometry&, const float* packed, float* weights);
};

/// Whether the kernels support this convolution: depthwise 3x3, 5x5 and 7x7 at stride 1 or 2, and
/// every dense one, but the gradient of a dense one's input only for 1x1 at stride 1.
bool is_supported(const ConvGeometry& shape, bool needs_in_gradient);

/// The kernels for the instruction sets of this processor, best first; never empty.
std::span<const ConvKernels> conv_kernels();

/// `channels` rounded up to whole vectors of every instruction set.
constexpr int padded_channels(int channels) {
  return (channels + 15) / 16 * 16;
}

}  // namespace hsconas
