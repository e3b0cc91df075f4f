#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/kernels/conv_chain.hpp"

namespace hsconas {

using Values = std::vector<double>;
using Floats = std::vector<float>;

inline constexpr double kEpsilon = 1e-5;

inline Floats random_floats(std::size_t count, Rng& rng) {
  Floats values(count);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

inline std::size_t weight_count(const ConvGeometry& shape) {
  return static_cast<std::size_t>(shape.out_channels) *
         static_cast<std::size_t>(shape.weights_per_output());
}

/// Calls `visit(out index, in index, weight index)` for every product of a convolution of NHWC
/// data.
template <typename Visit>
void for_each_product(const ConvGeometry& s, int images, Visit visit) {
  const int pad = s.kernel / 2;
  const int out_size = s.out_size();
  for (int image = 0; image < images; ++image) {
    for (int y = 0; y < out_size; ++y) {
      for (int x = 0; x < out_size; ++x) {
        for (int ky = 0; ky < s.kernel; ++ky) {
          for (int kx = 0; kx < s.kernel; ++kx) {
            const int in_y = y * s.stride + ky - pad;
            const int in_x = x * s.stride + kx - pad;
            if (in_y < 0 || in_y >= s.in_size || in_x < 0 || in_x >= s.in_size) continue;
            const std::size_t in_pixel =
                (static_cast<std::size_t>(image) * static_cast<std::size_t>(s.in_size) +
                 static_cast<std::size_t>(in_y)) *
                    static_cast<std::size_t>(s.in_size) +
                static_cast<std::size_t>(in_x);
            const std::size_t out_pixel =
                (static_cast<std::size_t>(image) * static_cast<std::size_t>(out_size) +
                 static_cast<std::size_t>(y)) *
                    static_cast<std::size_t>(out_size) +
                static_cast<std::size_t>(x);
            for (int out = 0; out < s.out_channels; ++out) {
              const int in_count = s.depthwise ? 1 : s.in_channels;
              for (int in = 0; in < in_count; ++in) {
                visit(out_pixel * static_cast<std::size_t>(s.out_channels) +
                          static_cast<std::size_t>(out),
                      in_pixel * static_cast<std::size_t>(s.in_channels) +
                          static_cast<std::size_t>(s.depthwise ? out : in),
                      ((static_cast<std::size_t>(out) * static_cast<std::size_t>(in_count) +
                        static_cast<std::size_t>(in)) *
                           static_cast<std::size_t>(s.kernel) +
                       static_cast<std::size_t>(ky)) *
                              static_cast<std::size_t>(s.kernel) +
                          static_cast<std::size_t>(kx));
              }
            }
          }
        }
      }
    }
  }
}

/// A unit computed by its formulas, in double precision.
struct PlainUnit {
  ConvUnit unit;
  Values weights;
  Values in;
  Values out;  // Before batch norm.
  Values mean;
  Values variance;
  Values activated;

  void forward(const Values& input, int images) {
    const ConvGeometry& s = unit.shape;
    const auto channels = static_cast<std::size_t>(s.out_channels);
    in = input;
    out.assign(static_cast<std::size_t>(images * s.out_pixels()) * channels, 0.0);
    for_each_product(s, images, [&](std::size_t o, std::size_t i, std::size_t w) {
      out[o] += in[i] * weights[w];
    });
    mean.assign(channels, 0.0);
    variance.assign(channels, 0.0);
    const double count = static_cast<double>(out.size() / channels);
    for (std::size_t o = 0; o < out.size(); ++o) mean[o % channels] += out[o] / count;
    for (std::size_t o = 0; o < out.size(); ++o) {
      variance[o % channels] += std::pow(out[o] - mean[o % channels], 2.0) / count;
    }
    activated.resize(out.size());
    for (std::size_t o = 0; o < out.size(); ++o) {
      activated[o] = normalised(o);
      if (unit.relu) activated[o] = std::max(activated[o], 0.0);
    }
  }

  double normalised(std::size_t o) const {
    const std::size_t c = o % mean.size();
    return (out[o] - mean[c]) / std::sqrt(variance[c] + kEpsilon);
  }

  /// The gradient at `out`, from that at `activated`.
  Values gradient_at_out(Values gradient) const {
    const std::size_t channels = mean.size();
    const double count = static_cast<double>(out.size() / channels);
    Values sum(channels, 0.0);
    Values along(channels, 0.0);
    for (std::size_t o = 0; o < out.size(); ++o) {
      if (unit.relu && !(normalised(o) > 0.0)) gradient[o] = 0.0;
      sum[o % channels] += gradient[o] / count;
      along[o % channels] += gradient[o] * normalised(o) / count;
    }
    for (std::size_t o = 0; o < out.size(); ++o) {
      const std::size_t c = o % channels;
      gradient[o] =
          (gradient[o] - sum[c] - normalised(o) * along[c]) / std::sqrt(variance[c] + kEpsilon);
    }
    return gradient;
  }

  /// Returns the gradient of the input and writes that of the weights, from that at `activated`.
  Values backward(Values gradient, int images, Values& weight_gradient) const {
    gradient = gradient_at_out(std::move(gradient));
    Values in_gradient(in.size(), 0.0);
    weight_gradient.assign(weights.size(), 0.0);
    for_each_product(unit.shape, images, [&](std::size_t o, std::size_t i, std::size_t w) {
      in_gradient[i] += gradient[o] * weights[w];
      weight_gradient[w] += gradient[o] * in[i];
    });
    return in_gradient;
  }
};

inline ConvGeometry pointwise(int in, int out, int size) {
  return {.in_channels = in, .out_channels = out, .kernel = 1, .in_size = size};
}

/// A depthwise or 1x1 convolution. `round` selects kernel and stride, the rest is random.
inline ConvGeometry random_shape(Rng& rng, int round) {
  const int size = 3 + static_cast<int>(rng.below(9));
  const int width = 1 + static_cast<int>(rng.below(70));
  if (!rng.chance(0.5)) return pointwise(width, 1 + static_cast<int>(rng.below(70)), size);
  return {.in_channels = width,
          .out_channels = width,
          .kernel = 3 + 2 * (round % 3),
          .stride = 1 + round % 2,
          .depthwise = true,
          .in_size = size};
}

/// `values` rounded to T by the kernels; `one` is the T with value 1.
template <typename T>
std::vector<T> rounded(const ConvKernels& kernels, const Floats& values, T one) {
  const auto count = static_cast<int>(values.size());
  const std::vector<T> ones(values.size(), one);
  const Floats shift(static_cast<std::size_t>(padded_channels(count)), 0.0F);
  Floats scale = values;
  scale.resize(shift.size());
  std::vector<T> written(values.size());
  ConvChains(1, kernels)
      .write<T>(count, 1, {ones.data(), count, 1}, {scale.data(), shift.data(), false},
                {written.data(), count, 1});
  return written;
}

}  // namespace hsconas
