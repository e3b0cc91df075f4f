#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hsconas/data/transform.hpp"
#include "hsconas/kernels/triangle_filter.hpp"

namespace hsconas {

namespace {

/// For each wanted output position along one axis, the input positions and weights whose weighted
/// mean it is.
struct Axis {
  int taps = 0;                ///< Weights per output position, padded with zeros.
  std::vector<int> first;      ///< First input position; first + taps stays inside the input.
  std::vector<float> weights;  ///< [output position, tap]
};

/// An interval of input or output positions.
struct Range {
  int begin = 0;
  int size = 0;
};

/// Computes the weights that resize `from` to `resized` positions, for the output positions
/// `wanted`.
void make_axis(Range from, int resized, Range wanted, Axis& axis) {
  const TriangleFilter filter(from.size, resized);
  axis.taps = filter.taps;
  const auto taps = static_cast<std::size_t>(axis.taps);
  axis.first.resize(static_cast<std::size_t>(wanted.size));
  axis.weights.resize(axis.first.size() * taps);
  for (std::size_t i = 0; i < axis.first.size(); ++i) {
    const int position = wanted.begin + static_cast<int>(i);
    axis.first[i] = from.begin + filter.weigh(position, &axis.weights[i * taps]);
  }
}

/// Resizes one input row to `axis.first.size()` output pixels of `kChannels` channels.
template <std::size_t kChannels>
void resize_row(const std::uint8_t* row, const Axis& axis, float* out) {
  const auto taps = static_cast<std::size_t>(axis.taps);
  for (std::size_t i = 0; i < axis.first.size(); ++i, out += kChannels) {
    const std::uint8_t* pixel = row + static_cast<std::size_t>(axis.first[i]) * kChannels;
    const float* weights = &axis.weights[i * taps];
    float sums[kChannels] = {};
    for (std::size_t t = 0; t < taps; ++t, pixel += kChannels) {
      for (std::size_t c = 0; c < kChannels; ++c)
        sums[c] += weights[t] * static_cast<float>(pixel[c]);
    }
    for (std::size_t c = 0; c < kChannels; ++c) out[c] = sums[c];
  }
}

/// Resizes `part` to width x height pixels, but computes only `window` of the result.
void resize_window(const Image& in, const Rect& part, int width, int height, const Rect& window,
                   Image& out) {
  assert(in.channels == 1 || in.channels == 3);
  thread_local Axis across;
  thread_local Axis down;
  thread_local std::vector<float> rows;
  thread_local std::vector<float> sums;
  make_axis({part.x, part.width}, width, {window.x, window.width}, across);
  make_axis({part.y, part.height}, height, {window.y, window.height}, down);

  // Resizes along the rows first, only for rows that the window needs, then along the columns.
  const int top = down.first.front();
  const int bottom = down.first.back() + down.taps;
  const auto channels = static_cast<std::size_t>(in.channels);
  const auto row_values = static_cast<std::size_t>(window.width) * channels;
  const int row_count = bottom - top;
  rows.resize(static_cast<std::size_t>(row_count) * row_values);
  const auto in_stride = static_cast<std::size_t>(in.width) * channels;
  for (int y = top; y < bottom; ++y) {
    const std::uint8_t* from = &in.pixels[static_cast<std::size_t>(y) * in_stride];
    float* to = &rows[static_cast<std::size_t>(y - top) * row_values];
    if (in.channels == 3) {
      resize_row<3>(from, across, to);
    } else {
      resize_row<1>(from, across, to);
    }
  }
  out.reshape(in.channels, window.height, window.width);
  const auto taps = static_cast<std::size_t>(down.taps);
  for (std::size_t y = 0; y < down.first.size(); ++y) {
    sums.assign(row_values, 0.5F);
    for (std::size_t t = 0; t < taps; ++t) {
      const float weight = down.weights[y * taps + t];
      if (weight == 0.0F) continue;
      const float* from = &rows[(static_cast<std::size_t>(down.first[y] - top) + t) * row_values];
      for (std::size_t i = 0; i < row_values; ++i) sums[i] += weight * from[i];
    }
    std::uint8_t* to = &out.pixels[y * row_values];
    for (std::size_t i = 0; i < row_values; ++i) {
      to[i] = static_cast<std::uint8_t>(std::clamp(sums[i], 0.0F, 255.0F));
    }
  }
}

/// Copies `window` of `in`.
void copy_window(const Image& in, const Rect& window, Image& out) {
  out.reshape(in.channels, window.height, window.width);
  const auto channels = static_cast<std::size_t>(in.channels);
  const auto row_bytes = static_cast<std::size_t>(window.width) * channels;
  for (int y = 0; y < window.height; ++y) {
    const auto from = (static_cast<std::size_t>(window.y + y) * static_cast<std::size_t>(in.width) +
                       static_cast<std::size_t>(window.x)) *
                      channels;
    std::copy_n(&in.pixels[from], row_bytes, &out.pixels[static_cast<std::size_t>(y) * row_bytes]);
  }
}

}  // namespace

void resize(const Image& in, const Rect& part, int width, int height, Image& out) {
  if (part.width == width && part.height == height) return copy_window(in, part, out);
  resize_window(in, part, width, height, {0, 0, width, height}, out);
}

void fit_square(const Image& in, int shorter, int side, Image& out) {
  assert(side > 0 && side <= shorter && in.width > 0 && in.height > 0);
  const std::int64_t in_shorter = std::min(in.width, in.height);
  const auto width = static_cast<int>(std::int64_t{in.width} * shorter / in_shorter);
  const auto height = static_cast<int>(std::int64_t{in.height} * shorter / in_shorter);
  const Rect window{(width - side) / 2, (height - side) / 2, side, side};
  if (width == in.width && height == in.height) return copy_window(in, window, out);
  resize_window(in, {0, 0, in.width, in.height}, width, height, window, out);
}

}  // namespace hsconas
