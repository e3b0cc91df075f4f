// The kernels in vectors of HSCONAS_LANES floats: included once for each instruction set, by a file
// that is compiled for it. Nothing here may come from a library header: a function of it compiled
// for AVX-512 could replace the same one elsewhere in the program, on a processor that has none.
#include "hsconas/kernels/conv_kernels.hpp"

#if defined(__AVX512F__) && HSCONAS_LANES == 16
#include <immintrin.h>
#endif

namespace hsconas {

ConvKernels HSCONAS_KERNELS();

namespace {

using Index = std::int64_t;

constexpr int kLanes = HSCONAS_LANES;
typedef float Vec __attribute__((vector_size(4 * HSCONAS_LANES)));
typedef float Loose __attribute__((vector_size(4 * HSCONAS_LANES), aligned(4), may_alias));

// Of a matrix product: rows x vectors of sums that stay in registers.
constexpr int kRows = kLanes == 16 ? 8 : 4;
constexpr int kMostVectors = 3;
// A tile of pixels, input and output, takes 64 KiB of the second-level cache, or what it must.
constexpr int kTileFloats = 16384;
constexpr int kFewestTileRows = 64;  // So that weights are read once for many pixels.
constexpr int kMostTileRows = 256;

constexpr int padded(int channels) {
  return (channels + kLanes - 1) / kLanes * kLanes;
}
inline int smaller(int a, int b) {
  return a < b ? a : b;
}

inline Vec load(const float* p) {
  return *reinterpret_cast<const Loose*>(p);
}
inline void store(float* p, Vec v) {
  *reinterpret_cast<Loose*>(p) = v;
}

#if defined(__AVX512F__) && HSCONAS_LANES == 16
inline Vec load_first(const float* p, int n) {
  return (Vec)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << n) - 1U), p);
}
inline void store_first(float* p, int n, Vec v) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1U << n) - 1U), (__m512)v);
}
/// Elements 0, 2, 4 ... of the 2 * n - 1 floats at p; zero behind them.
inline Vec load_every_other(const float* p, int n) {
  const int m = 2 * n - 1;
  const Vec low = load_first(p, smaller(m, 16));
  const Vec high = m > 16 ? load_first(p + 16, m - 16) : Vec{};
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return (Vec)_mm512_permutex2var_ps((__m512)low, even, (__m512)high);
}
inline void store_every_other(float* p, int n, Vec v) {
  const __m512i low_at = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  const __m512i high_at =
      _mm512_setr_epi32(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
  const auto mask = [](int count) {
    return static_cast<__mmask16>(0x5555U & ((1U << (2 * count)) - 1U));
  };
  _mm512_mask_storeu_ps(p, mask(smaller(n, 8)), _mm512_permutexvar_ps(low_at, (__m512)v));
  if (n > 8) _mm512_mask_storeu_ps(p + 16, mask(n - 8), _mm512_permutexvar_ps(high_at, (__m512)v));
}
#else
inline Vec load_first(const float* p, int n) {
  Vec v{};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
inline void store_first(float* p, int n, Vec v) {
  for (int i = 0; i < n; ++i) p[i] = v[i];
}
inline Vec load_every_other(const float* p, int n) {
  Vec v{};
  for (int i = 0; i < n; ++i) v[i] = p[2 * i];
  return v;
}
inline void store_every_other(float* p, int n, Vec v) {
  for (int i = 0; i < n; ++i) p[2 * i] = v[i];
}
#endif

/// Channels [c, c + kLanes) of the pixel at `p`, of which there are `channels`; zero behind them.
inline Vec load_channels(const float* p, int channel_stride, int c, int channels) {
  const int n = smaller(channels - c, kLanes);
  if (channel_stride != 1) return load_every_other(p + 2 * c, n);
  return n == kLanes ? load(p + c) : load_first(p + c, n);
}

/// Where pixel after pixel is written: asks for the memory some pixels ahead.
inline void will_store(float* p, std::int64_t pixel_stride, int channel_stride, int c) {
  constexpr int kAhead = 16;
  float* ahead = p + kAhead * pixel_stride + Index{c} * channel_stride;
  __builtin_prefetch(ahead, 1);
  if (channel_stride != 1) __builtin_prefetch(ahead + kLanes, 1);
}

/// load_channels() where pixel after pixel is read: asks for the memory some pixels ahead.
/// Processors do not foresee loads under a mask, and wait for each one in turn.
inline Vec stream_channels(const float* p, std::int64_t pixel_stride, int channel_stride, int c,
                           int channels) {
  constexpr int kAhead = 16;
  const float* ahead = p + kAhead * pixel_stride + Index{c} * channel_stride;
  __builtin_prefetch(ahead);
  if (channel_stride != 1) __builtin_prefetch(ahead + kLanes);
  return load_channels(p, channel_stride, c, channels);
}
inline void store_channels(float* p, int channel_stride, int c, int channels, Vec v) {
  const int n = smaller(channels - c, kLanes);
  if (channel_stride != 1) {
    store_every_other(p + 2 * c, n, v);
  } else if (n == kLanes) {
    store(p + c, v);
  } else {
    store_first(p + c, n, v);
  }
}

inline Vec rectified(Vec v) {
  return v > Vec{} ? v : Vec{};
}
/// Where `y` is above 0, `v`; else 0.
inline Vec where_positive(Vec y, Vec v) {
  return y > Vec{} ? v : Vec{};
}
inline Vec normalised(const Activation& a, int c, Vec z) {
  return z * load(a.scale + c) + load(a.shift + c);
}
inline Vec activated(const Activation& a, int c, Vec z) {
  if (a.scale != nullptr) z = normalised(a, c, z);
  return a.relu ? rectified(z) : z;
}

inline void zero(float* p, Index count) {
  for (Index i = 0; i < count; ++i) p[i] = 0.0F;
}

/// Pools mean and squares of `rows` more values per channel into `moments`, which holds `before`.
/// `values` is [rows][stride]; `c` is the channel of the first of kLanes columns. In two passes and
/// by the difference of means (Chan, Golub and LeVeque, 1983), so that a large mean costs nothing.
inline void pool_moments(const float* values, int stride, Index rows, Index before, int c,
                         int channels, const Moments& moments) {
  Vec sum{};
  for (Index r = 0; r < rows; ++r) sum += load(values + r * stride);
  const Vec mean = sum / static_cast<float>(rows);
  Vec squares{};
  for (Index r = 0; r < rows; ++r) {
    const Vec d = load(values + r * stride) - mean;
    squares += d * d;
  }
  const auto n = static_cast<double>(rows);
  const double total = static_cast<double>(before) + n;
  const int count = smaller(channels - c, kLanes);
  for (int i = 0; i < count; ++i) {
    double& pooled = moments.mean[c + i];
    const double shift = static_cast<double>(mean[i]) - pooled;
    pooled += shift * n / total;
    moments.squares[c + i] +=
        static_cast<double>(squares[i]) + shift * shift * static_cast<double>(before) * n / total;
  }
}

// ---- Matrix products ----

template <int kVectors>
inline void product_tile(const float* a, int a_stride, const float* b, int b_stride, int depth,
                         float* c, int c_stride) {
  Vec sums[kRows][kVectors] = {};
  for (int k = 0; k < depth; ++k) {
    Vec right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = load(b + Index{k} * b_stride + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const float left = a[Index{r} * a_stride + k];
      for (int v = 0; v < kVectors; ++v) sums[r][v] += left * right[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) store(c + Index{r} * c_stride + v * kLanes, sums[r][v]);
  }
}

template <int kVectors>
inline void product_rows(const float* a, int a_stride, const float* b, int b_stride, int rows,
                         int depth, float* c, int c_stride) {
  for (int r = 0; r < rows; r += kRows) {
    product_tile<kVectors>(a + Index{r} * a_stride, a_stride, b, b_stride, depth,
                           c + Index{r} * c_stride, c_stride);
  }
}

/// c [rows][columns] = a [rows][depth] * b [depth][columns]; rows a multiple of kRows, columns of
/// kLanes.
inline void product(const float* a, int a_stride, const float* b, int rows, int depth, int columns,
                    float* c) {
  for (int column = 0; column < columns;) {
    const int vectors = (columns - column) / kLanes;
    const float* right = b + column;
    float* to = c + column;
    // Four are two and two: a lone vector would leave the registers idle.
    if (vectors == 1) {
      product_rows<1>(a, a_stride, right, columns, rows, depth, to, columns);
      column += kLanes;
    } else if (vectors == 2 || vectors == 4) {
      product_rows<2>(a, a_stride, right, columns, rows, depth, to, columns);
      column += 2 * kLanes;
    } else {
      product_rows<kMostVectors>(a, a_stride, right, columns, rows, depth, to, columns);
      column += kMostVectors * kLanes;
    }
  }
}

template <int kVectors>
inline void outer_tile(const float* a, int a_stride, const float* b, int b_stride, int rows,
                       float* c) {
  Vec sums[kRows][kVectors];
  for (int k = 0; k < kRows; ++k) {
    for (int v = 0; v < kVectors; ++v) sums[k][v] = load(c + Index{k} * b_stride + v * kLanes);
  }
  for (int r = 0; r < rows; ++r) {
    Vec right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = load(b + Index{r} * b_stride + v * kLanes);
    for (int k = 0; k < kRows; ++k) {
      const float left = a[Index{r} * a_stride + k];
      for (int v = 0; v < kVectors; ++v) sums[k][v] += left * right[v];
    }
  }
  for (int k = 0; k < kRows; ++k) {
    for (int v = 0; v < kVectors; ++v) store(c + Index{k} * b_stride + v * kLanes, sums[k][v]);
  }
}

/// c [depth][columns] += transposed a [rows][depth] * b [rows][columns]; depth and columns padded.
inline void add_outer(const float* a, int a_stride, const float* b, int rows, int depth,
                      int columns, float* c) {
  for (int column = 0; column < columns;) {
    const int vectors = (columns - column) / kLanes;
    const int step = vectors == 1 ? 1 : vectors == 2 || vectors == 4 ? 2 : kMostVectors;
    for (int k = 0; k < depth; k += kRows) {
      const float* left = a + k;
      const float* right = b + column;
      float* to = c + Index{k} * columns + column;
      if (step == 1) {
        outer_tile<1>(left, a_stride, right, columns, rows, to);
      } else if (step == 2) {
        outer_tile<2>(left, a_stride, right, columns, rows, to);
      } else {
        outer_tile<kMostVectors>(left, a_stride, right, columns, rows, to);
      }
    }
    column += step * kLanes;
  }
}

// ---- Dense convolutions: a matrix product of pixels and the window of channels each one sees ----

struct DenseSizes {
  int depth;  // Values a pixel's window has: (ky * kernel + kx) * in_channels + c.
  int padded_depth;
  int padded_out;
  int tile;  // Pixels.
};

inline DenseSizes dense_sizes(const ConvGeometry& s) {
  DenseSizes sizes{
      .depth = s.in_channels * s.taps(), .padded_depth = 0, .padded_out = 0, .tile = 0};
  sizes.padded_depth = padded(sizes.depth);
  sizes.padded_out = padded(s.out_channels);
  sizes.tile =
      smaller(kTileFloats / (sizes.padded_depth + sizes.padded_out) / kRows * kRows, kMostTileRows);
  if (sizes.tile < kFewestTileRows) sizes.tile = kFewestTileRows;
  return sizes;
}

/// The windows of `rows` output pixels from `pixel` on, and rows of zeros up to a multiple of
/// kRows.
inline void load_windows(const ConvGeometry& s, const DenseSizes& sizes, Channels<const float> in,
                         const Activation& activation, Index pixel, int rows, float* to) {
  const int stride = sizes.padded_depth;
  if (s.kernel == 1 && s.stride == 1) {
    for (int r = 0; r < rows; ++r) {
      const float* from = in.data + (pixel + r) * in.pixel_stride;
      for (int c = 0; c < s.in_channels; c += kLanes) {
        store(
            to + Index{r} * stride + c,
            activated(activation, c,
                      stream_channels(from, in.pixel_stride, in.channel_stride, c, s.in_channels)));
      }
    }
  } else {
    const int out_size = s.out_size();
    const Index per_image = s.out_pixels();
    const int pad = s.kernel / 2;
    const bool is_packed = in.channel_stride == 1 && in.pixel_stride == s.in_channels &&
                           activation.scale == nullptr && !activation.relu;
    for (int r = 0; r < rows; ++r) {
      const Index image = (pixel + r) / per_image;
      const int place = static_cast<int>((pixel + r) % per_image);
      const int top = place / out_size * s.stride - pad;
      const int left = place % out_size * s.stride - pad;
      float* row = to + Index{r} * stride;
      if (is_packed && top >= 0 && left >= 0 && top + s.kernel <= s.in_size &&
          left + s.kernel <= s.in_size) {  // Each of its rows lies in one piece.
        const float* from =
            in.data + (image * s.in_pixels() + Index{top} * s.in_size + left) * s.in_channels;
        const int run = s.kernel * s.in_channels;
        for (int ky = 0; ky < s.kernel; ++ky) {
          for (int k = 0; k < run; k += kLanes) {
            store_channels(row, 1, k, run, load_channels(from, 1, k, run));
          }
          from += Index{s.in_size} * s.in_channels;
          row += run;
        }
        for (int k = sizes.depth; k < stride; ++k) *row++ = 0.0F;
        continue;
      }
      for (int ky = 0; ky < s.kernel; ++ky) {
        for (int kx = 0; kx < s.kernel; ++kx) {
          const int y = top + ky;
          const int x = left + kx;
          if (y < 0 || y >= s.in_size || x < 0 || x >= s.in_size) {
            for (int c = 0; c < s.in_channels; ++c) *row++ = 0.0F;
            continue;
          }
          const float* from =
              in.data + (image * s.in_pixels() + Index{y} * s.in_size + x) * in.pixel_stride;
          for (int c = 0; c < s.in_channels; ++c) {
            float value = from[Index{c} * in.channel_stride];
            if (activation.scale != nullptr) {
              value = value * activation.scale[c] + activation.shift[c];
            }
            *row++ = activation.relu && !(value > 0.0F) ? 0.0F : value;
          }
        }
      }
      for (int k = sizes.depth; k < stride; ++k) *row++ = 0.0F;
    }
  }
  for (int r = rows; r % kRows != 0; ++r) zero(to + Index{r} * stride, stride);
}

inline void dense_forward(const ConvGeometry& s, const ConvForward& f, Index first, Index last,
                          float* scratch) {
  const DenseSizes sizes = dense_sizes(s);
  float* windows = scratch;
  float* out = scratch + Index{sizes.tile} * sizes.padded_depth;
  const Index begin = first * s.out_pixels();
  const Index end = last * s.out_pixels();
  for (Index pixel = begin; pixel < end; pixel += sizes.tile) {
    const int rows = end - pixel < sizes.tile ? static_cast<int>(end - pixel) : sizes.tile;
    load_windows(s, sizes, f.in, f.in_activation, pixel, rows, windows);
    product(windows, sizes.padded_depth, f.weights, (rows + kRows - 1) / kRows * kRows, sizes.depth,
            sizes.padded_out, out);
    for (int r = 0; r < rows; ++r) {
      float* to = f.out + (pixel + r) * s.out_channels;
      for (int c = 0; c < s.out_channels; c += kLanes) {
        will_store(to, s.out_channels, 1, c);
        store_channels(to, 1, c, s.out_channels, load(out + Index{r} * sizes.padded_out + c));
      }
    }
    if (f.moments.mean == nullptr) continue;
    for (int c = 0; c < s.out_channels; c += kLanes) {
      pool_moments(out + c, sizes.padded_out, rows, pixel - begin, c, s.out_channels, f.moments);
    }
  }
}

/// The gradient at a convolution's output, from that of its activated batch norm g:
/// scale * (g - mean(g) - y * mean(g * y)), g being 0 where ReLU was.
inline Vec output_gradient(const Activation& a, const NormGradient& norm, int c, Vec z, Vec g) {
  const Vec y = normalised(a, c, z);
  if (a.relu) g = where_positive(y, g);
  return load(a.scale + c) * (g - load(norm.mean + c) - y * load(norm.along + c));
}

inline void add_lanes(Vec v, int c, int channels, double* to) {
  const int count = smaller(channels - c, kLanes);
  for (int i = 0; i < count; ++i) to[c + i] += static_cast<double>(v[i]);
}

inline void dense_backward(const ConvGeometry& s, const ConvBackward& b, Index first, Index last,
                           float* scratch) {
  const DenseSizes sizes = dense_sizes(s);
  float* windows = scratch;
  float* gradient = windows + Index{sizes.tile} * sizes.padded_depth;
  float* in_gradient = gradient + Index{sizes.tile} * sizes.padded_out;
  const Index end = last * s.out_pixels();
  for (Index pixel = first * s.out_pixels(); pixel < end; pixel += sizes.tile) {
    const int rows = end - pixel < sizes.tile ? static_cast<int>(end - pixel) : sizes.tile;
    const int full_rows = (rows + kRows - 1) / kRows * kRows;
    load_windows(s, sizes, b.in, b.in_activation, pixel, rows, windows);
    for (int r = 0; r < rows; ++r) {
      const float* z = b.out + (pixel + r) * s.out_channels;
      const float* g = b.gradient.data + (pixel + r) * b.gradient.pixel_stride;
      for (int c = 0; c < s.out_channels; c += kLanes) {
        const Vec value = output_gradient(
            b.out_activation, b.norm, c, stream_channels(z, s.out_channels, 1, c, s.out_channels),
            stream_channels(g, b.gradient.pixel_stride, b.gradient.channel_stride, c,
                            s.out_channels));
        store(gradient + Index{r} * sizes.padded_out + c, value);
      }
    }
    zero(gradient + Index{rows} * sizes.padded_out, Index{full_rows - rows} * sizes.padded_out);
    add_outer(windows, sizes.padded_depth, gradient, rows, sizes.padded_depth, sizes.padded_out,
              b.weight_gradient);
    if (b.weights == nullptr) continue;
    product(gradient, sizes.padded_out, b.weights, full_rows, s.out_channels, sizes.padded_depth,
            in_gradient);
    for (int c = 0; c < s.in_channels; c += kLanes) {
      Vec sum{};
      Vec along{};
      for (int r = 0; r < rows; ++r) {
        const Vec y = load(windows + Index{r} * sizes.padded_depth + c);
        Vec g = load(in_gradient + Index{r} * sizes.padded_depth + c);
        along += g * y;
        sum += b.in_activation.relu ? where_positive(y, g) : g;
        float* to = b.in_gradient.data + (pixel + r) * b.in_gradient.pixel_stride;
        const int stride = b.in_gradient.channel_stride;
        if (b.accumulate) g += load_channels(to, stride, c, s.in_channels);
        will_store(to, b.in_gradient.pixel_stride, stride, c);
        store_channels(to, stride, c, s.in_channels, g);
      }
      if (b.in_sum == nullptr) continue;
      add_lanes(sum, c, s.in_channels, b.in_sum);
      add_lanes(along, c, s.in_channels, b.in_along);
    }
  }
}

// ---- Depthwise convolutions: vectors of channels, one image at a time in a frame of zeros ----

inline int frame_size(const ConvGeometry& s) {
  return s.in_size + s.kernel - 1;
}

/// out [out_size * out_size] = the frame under the kernel at every `stride`-th place.
template <int kKernel, int kPixels>
inline void slide_pixels(const float* frame, int frame_size, int stride, const float* weights,
                         float* out) {
  Vec sums[kPixels] = {};
  for (int ky = 0; ky < kKernel; ++ky) {
    const float* row = frame + Index{ky} * frame_size * kLanes;
    for (int kx = 0; kx < kKernel; ++kx) {
      const Vec weight = load(weights + (ky * kKernel + kx) * kLanes);
      for (int p = 0; p < kPixels; ++p) {
        sums[p] += weight * load(row + (p * stride + kx) * kLanes);
      }
    }
  }
  for (int p = 0; p < kPixels; ++p) store(out + p * kLanes, sums[p]);
}

template <int kKernel>
inline void slide(const float* frame, int frame_size, int stride, const float* weights, int size,
                  float* out) {
  for (int y = 0; y < size; ++y) {
    const float* row = frame + Index{y} * stride * frame_size * kLanes;
    float* to = out + Index{y} * size * kLanes;
    int x = 0;
    for (; x + 8 <= size; x += 8) {
      slide_pixels<kKernel, 8>(row + x * stride * kLanes, frame_size, stride, weights,
                               to + x * kLanes);
    }
    if (x + 4 <= size) {
      slide_pixels<kKernel, 4>(row + x * stride * kLanes, frame_size, stride, weights,
                               to + x * kLanes);
      x += 4;
    }
    for (; x < size; ++x) {
      slide_pixels<kKernel, 1>(row + x * stride * kLanes, frame_size, stride, weights,
                               to + x * kLanes);
    }
  }
}

/// Rows [first_row, first_row + kCount) of the kernel's gradient: products of the frame with the
/// gradient, which lies at every `stride`-th place of a frame of its own, behind `pad` zeros.
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
  // As many rows at once as have their sums in registers: 32 or 16.
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

/// Calls `work` with the kernel's side as a constant.
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

/// Fills the inside of a frame whose rim is zero.
inline void load_frame(const ConvGeometry& s, Channels<const float> in,
                       const Activation& activation, Index image, int c, float* frame) {
  const int pad = s.kernel / 2;
  const int side = frame_size(s);
  const float* from = in.data + image * s.in_pixels() * in.pixel_stride;
  for (int y = 0; y < s.in_size; ++y) {
    float* to = frame + (Index{y + pad} * side + pad) * kLanes;
    for (int x = 0; x < s.in_size; ++x) {
      store(to,
            activated(activation, c,
                      stream_channels(from, in.pixel_stride, in.channel_stride, c, s.in_channels)));
      from += in.pixel_stride;
      to += kLanes;
    }
  }
}

inline void depthwise_forward(const ConvGeometry& s, const ConvForward& f, Index first, Index last,
                              float* scratch) {
  const int side = frame_size(s);
  const int size = s.out_size();
  const Index pixels = s.out_pixels();
  float* frame = scratch;
  float* out = scratch + Index{side} * side * kLanes;
  zero(frame, Index{side} * side * kLanes);
  for (Index image = first; image < last; ++image) {
    for (int c = 0; c < s.out_channels; c += kLanes) {
      load_frame(s, f.in, f.in_activation, image, c, frame);
      with_kernel(s.kernel, [&](auto kernel) {
        slide<decltype(kernel)::kValue>(frame, side, s.stride, f.weights + Index{c} * s.taps(),
                                        size, out);
      });
      float* to = f.out + image * pixels * s.out_channels;
      for (Index p = 0; p < pixels; ++p) {
        will_store(to + p * s.out_channels, s.out_channels, 1, c);
        store_channels(to + p * s.out_channels, 1, c, s.out_channels, load(out + p * kLanes));
      }
      if (f.moments.mean == nullptr) continue;
      pool_moments(out, kLanes, pixels, (image - first) * pixels, c, s.out_channels, f.moments);
    }
  }
}

inline void depthwise_backward(const ConvGeometry& s, const ConvBackward& b, Index first,
                               Index last, float* scratch) {
  const int side = frame_size(s);
  const int size = s.out_size();
  const int pad = s.kernel / 2;
  const Index frame_floats = Index{side} * side * kLanes;
  float* frame = scratch;
  float* gradient = frame + frame_floats;
  float* in_gradient = gradient + frame_floats;
  zero(frame, 2 * frame_floats);
  for (Index image = first; image < last; ++image) {
    for (int c = 0; c < s.out_channels; c += kLanes) {
      load_frame(s, b.in, b.in_activation, image, c, frame);
      const float* z = b.out + image * s.out_pixels() * s.out_channels;
      const float* g = b.gradient.data + image * s.out_pixels() * b.gradient.pixel_stride;
      for (int y = 0; y < size; ++y) {
        float* to = gradient + ((Index{y} * s.stride + pad) * side + pad) * kLanes;
        for (int x = 0; x < size; ++x) {
          store(to, output_gradient(b.out_activation, b.norm, c,
                                    stream_channels(z, s.out_channels, 1, c, s.out_channels),
                                    stream_channels(g, b.gradient.pixel_stride,
                                                    b.gradient.channel_stride, c, s.out_channels)));
          z += s.out_channels;
          g += b.gradient.pixel_stride;
          to += s.stride * kLanes;
        }
      }
      with_kernel(s.kernel, [&](auto kernel) {
        constexpr int kKernel = decltype(kernel)::kValue;
        add_kernel_gradient<kKernel>(frame, gradient, side, s.stride, size,
                                     b.weight_gradient + Index{c} * s.taps());
        // With its zeros in between, a strided gradient is slid over like any other.
        if (b.weights != nullptr) {
          slide<kKernel>(gradient, side, 1, b.weights + Index{c} * s.taps(), s.in_size,
                         in_gradient);
        }
      });
      if (b.weights == nullptr) continue;
      Vec sum{};
      Vec along{};
      float* to = b.in_gradient.data + image * s.in_pixels() * b.in_gradient.pixel_stride;
      const float* from = in_gradient;
      for (int y = 0; y < s.in_size; ++y) {
        const float* values = frame + (Index{y + pad} * side + pad) * kLanes;
        for (int x = 0; x < s.in_size; ++x) {
          const Vec value = load(values);
          Vec v = load(from);
          along += v * value;
          sum += b.in_activation.relu ? where_positive(value, v) : v;
          const int stride = b.in_gradient.channel_stride;
          if (b.accumulate) v += load_channels(to, stride, c, s.in_channels);
          will_store(to, b.in_gradient.pixel_stride, stride, c);
          store_channels(to, stride, c, s.in_channels, v);
          to += b.in_gradient.pixel_stride;
          from += kLanes;
          values += kLanes;
        }
      }
      if (b.in_sum == nullptr) continue;
      add_lanes(sum, c, s.in_channels, b.in_sum);
      add_lanes(along, c, s.in_channels, b.in_along);
    }
  }
}

// ---- The table of functions ----

std::int64_t scratch_floats(const ConvGeometry& s) {
  if (s.depthwise) {
    const Index side = frame_size(s);
    return (2 * side * side + s.in_pixels()) * kLanes;
  }
  const DenseSizes sizes = dense_sizes(s);
  return Index{sizes.tile} * (2 * sizes.padded_depth + sizes.padded_out);
}

std::int64_t packed_floats(const ConvGeometry& s) {
  if (s.depthwise) return Index{padded(s.out_channels)} * s.taps();
  const DenseSizes sizes = dense_sizes(s);
  return Index{sizes.padded_depth} * sizes.padded_out;
}

/// Calls `work(packed index, weight index)` for every weight, as pack_forward() lays them out:
/// depthwise [channels / lanes][taps][lanes], dense [tap * in_channels + c][padded out].
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
  // In strips of columns: a transposition that jumps at one end only, within the cache.
  constexpr int kStrip = 16;
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

void pack_forward(const ConvGeometry& s, const float* weights, float* packed) {
  zero(packed, packed_floats(s));
  for_each_weight(s, [&](Index to, Index from) { packed[to] = weights[from]; });
}

/// Depthwise: the kernel turned by half a turn. Dense 1x1: [out][padded in].
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
}

void unpack_gradient(const ConvGeometry& s, const float* packed, float* weights) {
  for_each_weight(s, [&](Index from, Index to) { weights[to] = packed[from]; });
}

void forward(const ConvGeometry& s, const ConvForward& f, std::int64_t first, std::int64_t last,
             float* scratch) {
  if (s.depthwise) {
    depthwise_forward(s, f, first, last, scratch);
  } else {
    dense_forward(s, f, first, last, scratch);
  }
}

void backward(const ConvGeometry& s, const ConvBackward& b, std::int64_t first, std::int64_t last,
              float* scratch) {
  if (s.depthwise) {
    depthwise_backward(s, b, first, last, scratch);
  } else {
    dense_backward(s, b, first, last, scratch);
  }
}

void write_activated(int channels, Channels<const float> from, const Activation& activation,
                     Channels<const float> plus, Channels<float> to, bool accumulate,
                     std::int64_t first, std::int64_t last) {
  for (Index p = first; p < last; ++p) {
    const float* source = from.data + p * from.pixel_stride;
    float* target = to.data + p * to.pixel_stride;
    for (int c = 0; c < channels; c += kLanes) {
      Vec v =
          activated(activation, c,
                    stream_channels(source, from.pixel_stride, from.channel_stride, c, channels));
      if (plus.data != nullptr) {
        v += stream_channels(plus.data + p * plus.pixel_stride, plus.pixel_stride,
                             plus.channel_stride, c, channels);
      }
      if (accumulate) v += load_channels(target, to.channel_stride, c, channels);
      will_store(target, to.pixel_stride, to.channel_stride, c);
      store_channels(target, to.channel_stride, c, channels, v);
    }
  }
}

void reduce_gradient(int channels, const float* z, const Activation& activation,
                     Channels<const float> gradient, double* sum, double* along, std::int64_t first,
                     std::int64_t last) {
  constexpr Index kBlock = 512;  // Pixels that stay in cache, and whose sum keeps its digits.
  for (Index block = first; block < last; block += kBlock) {
    const Index end = block + kBlock < last ? block + kBlock : last;
    for (int c = 0; c < channels; c += kLanes) {
      Vec sums{};
      Vec products{};
      for (Index p = block; p < end; ++p) {
        const Vec y =
            normalised(activation, c, stream_channels(z + p * channels, channels, 1, c, channels));
        Vec g = stream_channels(gradient.data + p * gradient.pixel_stride, gradient.pixel_stride,
                                gradient.channel_stride, c, channels);
        if (activation.relu) g = where_positive(y, g);
        sums += g;
        products += g * y;
      }
      add_lanes(sums, c, channels, sum);
      add_lanes(products, c, channels, along);
    }
  }
}

}  // namespace

ConvKernels HSCONAS_KERNELS() {
  return {.isa = HSCONAS_ISA,
          .lanes = kLanes,
          .scratch_floats = scratch_floats,
          .packed_floats = packed_floats,
          .packed_gradient_floats = packed_floats,
          .pack_forward = pack_forward,
          .pack_backward = pack_backward,
          .unpack_gradient = unpack_gradient,
          .forward = forward,
          .backward = backward,
          .write_activated = write_activated,
          .reduce_gradient = reduce_gradient};
}

}  // namespace hsconas
