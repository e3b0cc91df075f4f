// The kernel functions and, if HSCONAS_KERNELS names it, the table of all of them. Included once
// for each instruction set.
#include "conv_dense_backward.hpp"
#include "conv_depthwise.hpp"

namespace hsconas {

namespace {

inline std::int64_t scratch_floats(const ConvGeometry& s) {
  if (s.depthwise) {
    const Index side = frame_size(s);
    return (2 * side * side + s.in_pixels()) * kLanes;
  }
  const DenseSizes sizes = dense_sizes(s);
  return Index{sizes.tile} * (2 * sizes.padded_depth + sizes.padded_out);
}

inline std::int64_t packed_floats(const ConvGeometry& s) {
  if (s.depthwise) return Index{padded(s.out_channels)} * s.taps();
  const DenseSizes sizes = dense_sizes(s);
  return Index{sizes.padded_depth} * sizes.padded_out;
}

/// Calls `work(packed index, weight index)` for every weight. Packed floats are
/// [channels / lanes][taps][lanes] if depthwise, else [tap * in_channels + c][padded out].
template <typename Work>
inline void for_each_weight(const ConvGeometry& s, Work work) {
  const int taps = s.taps();
  if (s.depthwise) {
    for (int c = 0; c < s.out_channels; ++c) {
      for (int t = 0; t < taps; ++t) {
        work((Index{c / kLanes} * taps + t) * kLanes + c % kLanes, Index{c} * taps + t);
      }
    }
    return;
  }
  // A transposition in strips of columns, so that the scattered accesses stay in the cache.
  constexpr int kStrip = 8;
  const int columns = padded(s.out_channels);
  for (int strip = 0; strip < s.in_channels; strip += kStrip) {
    const int end = smaller(strip + kStrip, s.in_channels);
    for (int n = 0; n < s.out_channels; ++n) {
      for (int c = strip; c < end; ++c) {
        for (int t = 0; t < taps; ++t) {
          work((Index{t} * s.in_channels + c) * columns + n,
               (Index{n} * s.in_channels + c) * taps + t);
        }
      }
    }
  }
}

/// Packs weights as factors W.
template <typename W>
void pack(const ConvGeometry& s, const float* weights, float* packed) {
  zero(packed, packed_floats(s));
  for_each_weight(s, [&](Index to, Index from) { packed[to] = weights[from]; });
  if (!s.depthwise) to_right_factors<W>(packed, dense_sizes(s).depth, padded(s.out_channels));
}

#ifdef HSCONAS_FIXED_PRODUCTS
/// Quantisation step of one output channel; 0 if all its weights are 0, NaN or infinite if one of
/// them is.
inline float fixed_unit(const float* weights, int count) {
  float altogether = 0.0F;
  float most = 0.0F;
  for (int i = 0; i < count; ++i) {
    const float magnitude = weights[i] < 0.0F ? -weights[i] : weights[i];
    altogether += magnitude;
    if (most < magnitude) most = magnitude;
  }
  const float unit = altogether / kMostOfColumn;
  return unit * kMostRight < most ? most / kMostRight : unit;
}

template <>
inline void pack<Fixed>(const ConvGeometry& s, const float* weights, float* packed) {
  if (s.depthwise) {
    pack<float>(s, weights, packed);
    return;
  }
  zero(packed, packed_floats(s));
  const int columns = padded(s.out_channels);
  const int count = s.weights_per_output();
  float* units = packed;
  auto* factors = reinterpret_cast<Fixed*>(packed + columns);
  for (int n = 0; n < s.out_channels; ++n) units[n] = fixed_unit(weights + Index{n} * count, count);
  for_each_weight(s, [&](Index to, Index from) {
    constexpr int kStep = Factors<Fixed>::kStep;
    const Index k = to / columns;
    const Index n = to % columns;
    const float whole = weights[from] / units[n];
    // If the step is 0, NaN or infinite, the factors stay 0 and the step alone decides the result.
    if (!(whole > -kMostRight - 1.0F && whole < kMostRight + 1.0F)) return;
    factors[k / kStep * kStep * columns + n * kStep + k % kStep].units =
        static_cast<std::int16_t>(whole < 0.0F ? whole - 0.5F : whole + 0.5F);
  });
}
#endif

/// Packs weights for the input's gradient. Depthwise: the kernel is rotated by 180 degrees. Dense
/// 1x1: [out][padded in] as factors W.
template <typename W>
void pack_backward(const ConvGeometry& s, const float* weights, float* packed) {
  zero(packed, packed_floats(s));
  if (s.depthwise) {
    const int taps = s.taps();
    for (int c = 0; c < s.out_channels; ++c) {
      for (int t = 0; t < taps; ++t) {
        packed[(Index{c / kLanes} * taps + taps - 1 - t) * kLanes + c % kLanes] =
            weights[Index{c} * taps + t];
      }
    }
    return;
  }
  const int columns = padded(s.in_channels);
  for (int n = 0; n < s.out_channels; ++n) {
    for (int c = 0; c < s.in_channels; ++c) {
      packed[Index{n} * columns + c] = weights[Index{n} * s.in_channels + c];
    }
  }
  to_right_factors<W>(packed, s.out_channels, columns);
}

inline void unpack_gradient(const ConvGeometry& s, const float* packed, float* weights) {
  for_each_weight(s, [&](Index from, Index to) { weights[to] = packed[from]; });
}

template <typename T, typename W>
void forward(const ConvGeometry& s, const ConvForward<T>& f, std::int64_t first, std::int64_t last,
             float* scratch) {
  const bool has_moments = f.moments.mean != nullptr;
  if (s.depthwise) {
    (has_moments ? depthwise_forward<T, true> : depthwise_forward<T, false>)(s, f, first, last,
                                                                             scratch);
  } else {
    (has_moments ? dense_forward<T, W, true> : dense_forward<T, W, false>)(s, f, first, last,
                                                                           scratch);
  }
}

template <typename T, typename W>
void backward(const ConvGeometry& s, const ConvBackward<T>& b, std::int64_t first,
              std::int64_t last, float* scratch) {
  if (s.depthwise) {
    depthwise_backward(s, b, first, last, scratch);
  } else {
    dense_backward<T, W>(s, b, first, last, scratch);
  }
}

template <typename T>
void write_activated(int channels, Channels<const T> from, const Activation& activation,
                     Channels<const T> plus, Channels<T> to, bool accumulate, std::int64_t first,
                     std::int64_t last) {
  constexpr Index kBlock = 32;  // Pixels that stay in cache while all channels are processed.
  for (Index block = first; block < last; block += kBlock) {
    const Index end = block + kBlock < last ? block + kBlock : last;
    for (int c = 0; c < channels; c += kLanes) {
      const ChannelLanes from_lanes(from, c, channels);
      const ChannelLanes plus_lanes(plus, c, channels);
      const ChannelLanes to_lanes(to, c, channels);
      const LaneActivation activated(activation, c);
      for (Index p = block; p < end; ++p) {
        T* target = to.data + p * to.pixel_stride;
        Vec v = activated(from_lanes.stream(from.data + p * from.pixel_stride));
        if (plus.data != nullptr) v += plus_lanes.stream(plus.data + p * plus.pixel_stride);
        if (accumulate) v += to_lanes.load(target);
        to_lanes.will_store(target);
        to_lanes.store(target, v);
      }
    }
  }
}

template <typename T>
void average(int channels, std::int64_t pixels, Channels<const T> from, float* to,
             std::int64_t first, std::int64_t last) {
  const float share = 1.0F / static_cast<float>(pixels);
  for (Index image = first; image < last; ++image) {
    for (int c = 0; c < channels; c += kLanes) {
      const ChannelLanes from_lanes(from, c, channels);
      const ChannelLanes to_lanes(Channels<float>{to, channels, 1}, c, channels);
      Vec sum{};
      for (Index p = image * pixels; p < (image + 1) * pixels; ++p) {
        sum += from_lanes.load(from.data + p * from.pixel_stride);
      }
      to_lanes.store(to + image * channels, sum * share);
    }
  }
}

template <typename T>
void reduce_gradient(int channels, const T* z, const Activation& activation,
                     Channels<const T> gradient, double* sum, double* along, std::int64_t first,
                     std::int64_t last) {
  constexpr Index kBlock = 512;  // Pixels that stay in cache and are few enough for an fp32 sum.
  for (Index block = first; block < last; block += kBlock) {
    const Index end = block + kBlock < last ? block + kBlock : last;
    for (int c = 0; c < channels; c += kLanes) {
      const ChannelLanes z_lanes(Channels<const T>{z, channels, 1}, c, channels);
      const ChannelLanes g_lanes(gradient, c, channels);
      const LaneActivation lanes(activation, c);
      Vec sums{};
      Vec products{};
      for (Index p = block; p < end; ++p) {
        const Vec y = lanes.normalised(z_lanes.stream(z + p * channels));
        Vec g = g_lanes.stream(gradient.data + p * gradient.pixel_stride);
        if (activation.relu) g = where_positive(y, g);
        sums += g;
        products += g * y;
      }
      add_lanes(sums, c, channels, sum);
      add_lanes(products, c, channels, along);
    }
  }
}

template <typename T, typename W>
ForwardKernels<T> forward_kernels() {
  return {.pack = pack<W>,
          .forward = forward<T, W>,
          .write_activated = write_activated<T>,
          .average = average<T>};
}

template <typename T, typename W>
BackwardKernels<T> backward_kernels() {
  return {.pack = pack_backward<W>, .backward = backward<T, W>, .reduce = reduce_gradient<T>};
}

}  // namespace

#ifdef HSCONAS_KERNELS
ConvKernels HSCONAS_KERNELS();
ConvKernels HSCONAS_KERNELS() {
  return {.isa = HSCONAS_ISA,
          .lanes = kLanes,
          .scratch_floats = scratch_floats,
          .packed_floats = packed_floats,
          .fp32 = forward_kernels<float, float>(),
          .half = forward_kernels<Half, float>(),
          .bf16 = forward_kernels<Bf16, float>(),
          .fp32_back = backward_kernels<float, float>(),
          .bf16_back = backward_kernels<Bf16, float>(),
          .unpack_gradient = unpack_gradient};
}
#endif

}  // namespace hsconas
