#pragma once

// Depthwise convolutions, on vectors of channels, one image at a time, which is surrounded by a
// frame of zeros. Included once for each instruction set.
#include "conv_norms.hpp"

namespace hsconas {

namespace {

inline int frame_size(const ConvGeometry& s) {
  return s.in_size + s.kernel - 1;
}

/// The taps of a kernel that are multiplied: every kStep-th from `y` and `x` on.
template <int kStep = 1>
struct Taps {
  int y = 0;
  int x = 0;
};

template <int kKernel, int kPixels, int kStride, int kStep, typename Take>
inline void slide_pixels(const float* frame, int frame_size, const float* weights, int x,
                         Taps<kStep> taps, Take& take) {
  Vec sums[kPixels] = {};
  for (int ky = kStep == 1 ? 0 : taps.y; ky < kKernel; ky += kStep) {
    const float* row = frame + (Index{ky} * frame_size + x * kStride) * kLanes;
    for (int kx = kStep == 1 ? 0 : taps.x; kx < kKernel; kx += kStep) {
      const Vec weight = load(weights + (ky * kKernel + kx) * kLanes);
      for (int p = 0; p < kPixels; ++p) {
        sums[p] += weight * load(row + (p * kStride + kx) * kLanes);
      }
    }
  }
  for (int p = 0; p < kPixels; ++p) take(x + p, sums[p]);
}

/// Computes a row of `size` outputs from the frame at `frame`, kStride pixels apart, and calls
/// take(x, value) for each.
template <int kKernel, int kStride, int kStep = 1, typename Take>
inline void slide_row(const float* frame, int frame_size, const float* weights, int size, Take take,
                      Taps<kStep> taps = {}) {
  int x = 0;
  for (; x + 8 <= size; x += 8) {
    slide_pixels<kKernel, 8, kStride>(frame, frame_size, weights, x, taps, take);
  }
  if (x + 4 <= size) {
    slide_pixels<kKernel, 4, kStride>(frame, frame_size, weights, x, taps, take);
    x += 4;
  }
  for (; x < size; ++x) {
    slide_pixels<kKernel, 1, kStride>(frame, frame_size, weights, x, taps, take);
  }
}

/// The gradient at row `y` of a convolution's input, from that at its output, which lies at every
/// kStride-th place of the frame. Taps that only meet zeros in between are skipped.
template <int kKernel, int kStride>
inline void slide_back(const float* frame, int frame_size, const float* weights, int y, int size,
                       float* to) {
  constexpr int kPad = kKernel / 2;
  for (int first = 0; first < kStride; ++first) {
    slide_row<kKernel, kStride>(
        frame + (Index{y} * frame_size + first) * kLanes, frame_size, weights,
        (size - first + kStride - 1) / kStride,
        [&](int x, Vec v) { store(to + (Index{x} * kStride + first) * kLanes, v); },
        Taps<kStride>{.y = (y + kPad) % kStride, .x = (first + kPad) % kStride});
  }
}

/// Adds rows [first_row, first_row + kCount) of the kernel's gradient: products of the frame with
/// the output gradient, which lies at every `stride`-th place of a frame of its own.
template <int kKernel, int kCount>
inline void add_kernel_rows(const float* frame, const float* gradient, int frame_size, int stride,
                            int size, int first_row, float* weight_gradient) {
  constexpr int kPad = kKernel / 2;
  Vec sums[kCount][kKernel];
  for (int ky = 0; ky < kCount; ++ky) {
    for (int kx = 0; kx < kKernel; ++kx) {
      sums[ky][kx] = load(weight_gradient + ((first_row + ky) * kKernel + kx) * kLanes);
    }
  }
  for (int y = 0; y < size; ++y) {
    const float* row = frame + (Index{y} * stride + first_row) * frame_size * kLanes;
    const float* g_row = gradient + ((Index{y} * stride + kPad) * frame_size + kPad) * kLanes;
    for (int x = 0; x < size; ++x) {
      const Vec g = load(g_row + x * stride * kLanes);
      for (int ky = 0; ky < kCount; ++ky) {
        const float* window = row + (Index{ky} * frame_size + x * stride) * kLanes;
        for (int kx = 0; kx < kKernel; ++kx) sums[ky][kx] += g * load(window + kx * kLanes);
      }
    }
  }
  for (int ky = 0; ky < kCount; ++ky) {
    for (int kx = 0; kx < kKernel; ++kx) {
      store(weight_gradient + ((first_row + ky) * kKernel + kx) * kLanes, sums[ky][kx]);
    }
  }
}

template <int kKernel>
inline void add_kernel_gradient(const float* frame, const float* gradient, int frame_size,
                                int stride, int size, float* weight_gradient) {
  // The number of rows processed at once is limited by their sums, which must fit in 32 or 16
  // registers.
  constexpr int kCount = kKernel == 3 ? 3 : (kLanes == 16 ? (kKernel == 5 ? 5 : 3) : 1);
  int row = 0;
  for (; row + kCount <= kKernel; row += kCount) {
    add_kernel_rows<kKernel, kCount>(frame, gradient, frame_size, stride, size, row,
                                     weight_gradient);
  }
  for (; row < kKernel; ++row) {
    add_kernel_rows<kKernel, 1>(frame, gradient, frame_size, stride, size, row, weight_gradient);
  }
}

template <int kSide>
struct Side {
  static constexpr int kValue = kSide;
};

/// Calls `work` with the kernel's side, 3, 5 or 7, as a compile-time constant.
template <typename Work>
inline void with_kernel(int kernel, Work work) {
  if (kernel == 3) {
    work(Side<3>{});
  } else if (kernel == 5) {
    work(Side<5>{});
  } else {
    work(Side<7>{});
  }
}

/// Loads activated rows [first, last) of an image into a frame whose rim is zero.
template <typename T>
inline void load_frame_rows(const ConvGeometry& s, Channels<const T> in,
                            const Activation& activation, Index image, int c, int first, int last,
                            float* frame) {
  const int pad = s.kernel / 2;
  const int side = frame_size(s);
  const T* from = in.data + (image * s.in_pixels() + Index{first} * s.in_size) * in.pixel_stride;
  const ChannelLanes lanes(in, c, s.in_channels);
  const LaneActivation activated(activation, c);
  for (int y = first; y < last; ++y) {
    float* to = frame + (Index{y + pad} * side + pad) * kLanes;
    for (int x = 0; x < s.in_size; ++x) {
      store(to, activated(lanes.stream(from)));
      from += in.pixel_stride;
      to += kLanes;
    }
  }
}

template <int kKernel, int kStride, typename T, bool kMoments>
inline void depthwise_image(const ConvGeometry& s, const ConvForward<T>& f, Index image,
                            Index before, int c, float* frame) {
  const int side = frame_size(s);
  const int size = s.out_size();
  const float* weights = f.weights + Index{c} * s.taps();
  const Finish<T, kMoments> finish(f, c, s.out_channels);
  Sums sums;
  Index added = 0;
  int loaded = 0;
  for (int y = 0; y < size; ++y) {
    // Rows are loaded just before the kernel needs them, so that it finds them in the L1 cache.
    const int needed = smaller(y * kStride + kKernel / 2 + 1, s.in_size);
    load_frame_rows(s, f.in, f.in_activation, image, c, loaded, needed, frame);
    loaded = needed;
    const float* row = frame + Index{y} * kStride * side * kLanes;
    if (kMoments && y == 0) {
      slide_row<kKernel, kStride>(row, side, weights, smaller(size, 8), [&](int, Vec v) {
        sums.pivot += v * (1.0F / static_cast<float>(smaller(size, 8)));
      });
    }
    const Index pixel = image * s.out_pixels() + Index{y} * size;
    slide_row<kKernel, kStride>(row, side, weights, size,
                                [&](int x, Vec v) { finish(pixel + x, v, sums); });
    added += size;
    if (!kMoments || (added < kMostAdded && y + 1 < size)) continue;
    pool(sums, added, before, c, s.out_channels, f.moments);
    before += added;
    added = 0;
  }
}

template <typename T, bool kMoments>
inline void depthwise_forward(const ConvGeometry& s, const ConvForward<T>& f, Index first,
                              Index last, float* scratch) {
  zero(scratch, Index{frame_size(s)} * frame_size(s) * kLanes);
  for (Index image = first; image < last; ++image) {
    for (int c = 0; c < s.out_channels; c += kLanes) {
      with_kernel(s.kernel, [&](auto kernel) {
        constexpr int kKernel = decltype(kernel)::kValue;
        (s.stride == 1 ? depthwise_image<kKernel, 1, T, kMoments>
                       : depthwise_image<kKernel, 2, T, kMoments>)(s, f, image,
                                                                   (image - first) * s.out_pixels(),
                                                                   c, scratch);
      });
    }
  }
}

// The parts of depthwise_backward() are always inlined. Otherwise GCC 12 makes other decisions for
// the inner loops of this file and of conv_dense.hpp.

/// Loads the gradient at the output of an image into a frame, every stride-th place of it.
template <typename T>
[[gnu::always_inline]] inline void load_gradient_frame(const ConvGeometry& s,
                                                       const ConvBackward<T>& b, Index image, int c,
                                                       float* frame) {
  const int side = frame_size(s);
  const int size = s.out_size();
  const int pad = s.kernel / 2;
  const LaneGradient out_gradient(b.out_activation, b.norm, c);
  const ChannelLanes z_lanes(Channels<const T>{b.out, s.out_channels, 1}, c, s.out_channels);
  const ChannelLanes g_lanes(b.gradient, c, s.out_channels);
  const T* z = b.out + image * s.out_pixels() * s.out_channels;
  const T* g = b.gradient.data + image * s.out_pixels() * b.gradient.pixel_stride;
  for (int y = 0; y < size; ++y) {
    float* to = frame + ((Index{y} * s.stride + pad) * side + pad) * kLanes;
    for (int x = 0; x < size; ++x) {
      store(to, out_gradient(z_lanes.stream(z), g_lanes.stream(g)));
      z += s.out_channels;
      g += b.gradient.pixel_stride;
      to += s.stride * kLanes;
    }
  }
}

/// Writes the gradient at the input of an image, which is at `from`, and adds its sums to in_sum
/// and in_along. `frame` holds the activated input.
template <typename T>
[[gnu::always_inline]] inline void write_in_gradient(const ConvGeometry& s,
                                                     const ConvBackward<T>& b, Index image, int c,
                                                     const float* frame, const float* from) {
  const int side = frame_size(s);
  const int pad = s.kernel / 2;
  const ChannelLanes lanes(b.in_gradient, c, s.in_channels);
  Vec sum{};
  Vec along{};
  T* to = b.in_gradient.data + image * s.in_pixels() * b.in_gradient.pixel_stride;
  for (int y = 0; y < s.in_size; ++y) {
    const float* values = frame + (Index{y + pad} * side + pad) * kLanes;
    for (int x = 0; x < s.in_size; ++x) {
      const Vec value = load(values);
      Vec v = load(from);
      along += v * value;
      sum += b.in_activation.relu ? where_positive(value, v) : v;
      if (b.accumulate) v += lanes.load(to);
      lanes.will_store(to);
      lanes.store(to, v);
      to += b.in_gradient.pixel_stride;
      from += kLanes;
      values += kLanes;
    }
  }
  if (b.in_sum == nullptr) return;
  add_lanes(sum, c, s.in_channels, b.in_sum);
  add_lanes(along, c, s.in_channels, b.in_along);
}

template <typename T>
inline void depthwise_backward(const ConvGeometry& s, const ConvBackward<T>& b, Index first,
                               Index last, float* scratch) {
  const int side = frame_size(s);
  const int size = s.out_size();
  const Index frame_floats = Index{side} * side * kLanes;
  float* frame = scratch;
  float* gradient = frame + frame_floats;
  float* in_gradient = gradient + frame_floats;
  zero(frame, 2 * frame_floats);
  for (Index image = first; image < last; ++image) {
    for (int c = 0; c < s.out_channels; c += kLanes) {
      load_frame_rows(s, b.in, b.in_activation, image, c, 0, s.in_size, frame);
      load_gradient_frame(s, b, image, c, gradient);
      with_kernel(s.kernel, [&](auto kernel) {
        constexpr int kKernel = decltype(kernel)::kValue;
        add_kernel_gradient<kKernel>(frame, gradient, side, s.stride, size,
                                     b.weight_gradient + Index{c} * s.taps());
        if (b.weights != nullptr) {
          const float* weights = b.weights + Index{c} * s.taps();
          const auto back = s.stride == 1 ? slide_back<kKernel, 1> : slide_back<kKernel, 2>;
          for (int y = 0; y < s.in_size; ++y) {
            back(gradient, side, weights, y, s.in_size,
                 in_gradient + Index{y} * s.in_size * kLanes);
          }
        }
      });
      if (b.weights != nullptr) write_in_gradient(s, b, image, c, frame, in_gradient);
    }
  }
}

}  // namespace

}  // namespace hsconas
