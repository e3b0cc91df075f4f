#pragma once

#include <cstdint>

#include "block.hpp"
#include "moments.hpp"
#include "values.hpp"

namespace hsconas::cuda {

/// Values of `channels` channels (padded: a multiple of 8) of square images of `size` pixels a
/// side; value c of pixel p lies at data[p * stride + c]. Rows are aligned to 16 bytes.
template <typename T>
struct Pixels {
  T* data = nullptr;
  std::int64_t stride = 0;
};

/// A depthwise convolution with "same" padding (kernel / 2) and stride 1 or 2, with the batch
/// statistics of its output. Input values are normalised (`in_norm`, then ReLU if `in_relu`) as
/// they are read; padding is 0 after normalisation.
template <typename T>
struct DepthwiseForward {
  Pixels<const T> in;
  Norm in_norm;
  bool in_relu = false;
  const float* weights = nullptr;  ///< [kernel * kernel][channels].
  Pixels<T> out;                   ///< Before batch norm.
  int channels = 0;
  int images = 0;
  int in_size = 0;
  int out_size = 0;
  /// Written: batch norm of the output over the first `counted_images` images; scale nullptr: none.
  Norm out_norm;
  int counted_images = 0;
  float epsilon = 0.0F;
  Moments* parts = nullptr;      ///< Room for depthwise_parts() of them.
  unsigned* counters = nullptr;  ///< One per 8 channels, all 0.
};

/// The gradients of a depthwise convolution. `gradient` is g, the gradient at the normalised
/// output; `out` is z, the output before batch norm. The gradient at z is
/// terms.a * g + terms.b * z + terms.c per channel; without terms it is g, and `out` is not read.
template <typename T>
struct DepthwiseBackward {
  Pixels<const T> gradient;
  Pixels<const T> out;
  NormTerms terms;
  Pixels<const T> in;  ///< The input of the forward pass.
  Norm in_norm;
  bool in_relu = false;
  const float* weights = nullptr;
  /// Written: gradient at the normalised input, 0 where ReLU cut off. data nullptr: not wanted.
  Pixels<T> in_gradient;
  bool accumulate = false;  ///< Add to in_gradient (only without in_norm) instead of replacing it.
  float* weight_parts = nullptr;  ///< [depthwise_weight_parts()][kernel * kernel][channels];
                                  ///< nullptr: not wanted (average pooling).
  int channels = 0;
  int images = 0;
  int in_size = 0;
  int out_size = 0;
  /// With in_norm: terms of the input's own batch norm, which set_terms() writes for its backward
  /// pass from the sums of in_gradient and of in_gradient * (normalised input).
  NormTerms in_terms;
  GradientSums* sum_parts = nullptr;  ///< Room for depthwise_parts().
  unsigned* counters = nullptr;       ///< One per 8 channels, all 0.
};

/// The sizes of a depthwise convolution and of the GPU. Buffer sizes depend on nothing else.
struct DepthwiseSize {
  int channels = 0;
  int images = 0;
  int in_size = 0;
  int kernel = 0;
  int stride = 1;
  int multiprocessors = 0;
};

/// Number of Moments in the forward pass, or of GradientSums in the backward pass, that buffers
/// need room for. Defined in depthwise_tiles.hpp.
inline std::int64_t depthwise_parts(const DepthwiseSize& size);

/// Number of partial sums of the weights' gradient that the backward pass writes; added up in this
/// order they are the gradient. Defined in depthwise_tiles.hpp.
inline int depthwise_weight_parts(const DepthwiseSize& size);

/// Launches one kernel; `kernel` is 1, 3, 5 or 7, `stride` 1 or 2. `Queue` is a CudaQueue or a
/// HostQueue. Defined in depthwise_forward.hpp.
template <typename Queue, typename T>
void depthwise_forward(Queue& queue, const DepthwiseForward<T>& work, int kernel, int stride);

/// Launches one kernel, likewise. Defined in depthwise_backward.hpp.
template <typename Queue, typename T>
void depthwise_backward(Queue& queue, const DepthwiseBackward<T>& work, int kernel, int stride);

}  // namespace hsconas::cuda
