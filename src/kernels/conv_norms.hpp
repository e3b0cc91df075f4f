#pragma once

// Activation, batch norm and its gradient, on a vector of channels, and the sums that batch norm
// needs. Included once for each instruction set.
#include "conv_lanes.hpp"

namespace hsconas {

namespace {

/// An Activation's lanes of channels [c, c + kLanes).
struct LaneActivation {
  Vec scale{};
  Vec shift{};
  Vec least{};

  LaneActivation() = default;
  LaneActivation(const Activation& a, int c)
      : scale(a.scale != nullptr ? load(a.scale + c) : Vec{} + 1.0F),
        shift(a.scale != nullptr ? load(a.shift + c) : Vec{}),
        least(Vec{} + (a.relu ? 0.0F : -__builtin_inff())) {}

  Vec normalised(Vec z) const { return z * scale + shift; }
  Vec operator()(Vec z) const { return at_least(least, normalised(z)); }
};

/// The gradient at a convolution's output z, from the gradient g at its activated batch norm y:
/// scale * (g - mean(g) - y * mean(g * y)), with g set to 0 where ReLU cut off. For channels
/// [c, c + kLanes).
struct LaneGradient {
  LaneActivation activation;
  Vec mean;
  Vec along;
  bool relu;

  LaneGradient(const Activation& a, const NormGradient& norm, int c)
      : activation(a, c), mean(load(norm.mean + c)), along(load(norm.along + c)), relu(a.relu) {}

  Vec operator()(Vec z, Vec g) const {
    const Vec y = activation.normalised(z);
    if (relu) g = where_positive(y, g);
    return activation.scale * (g - mean - y * along);
  }
};

/// Adds the lanes of channels [c, c + kLanes) to `to`.
inline void add_lanes(Vec v, int c, int channels, double* to) {
  const int count = smaller(channels - c, kLanes);
  for (int i = 0; i < count; ++i) to[c + i] += static_cast<double>(v[i]);
}

/// Sums of outputs per channel, as differences from a `pivot` near their mean, so that a large mean
/// costs no precision.
struct Sums {
  Vec pivot{};
  Vec sum{};
  Vec squares{};

  void add(Vec v) {
    const Vec d = v - pivot;
    sum += d;
    squares += d * d;
  }
};

/// Sums are pooled once this many values have been added up in fp32.
constexpr Index kMostAdded = 256;

/// Pools the sums of `count` values per channel into `moments`, which cover `before` values, by the
/// difference of means (Chan, Golub and LeVeque, 1983). Then resets the sums, with the new mean as
/// pivot.
inline void pool(Sums& sums, Index count, Index before, int c, int channels,
                 const Moments& moments) {
  const auto n = static_cast<double>(count);
  const double total = static_cast<double>(before) + n;
  const double share = n / total;
  const double weight = static_cast<double>(before) * share;
  const int lanes = smaller(channels - c, kLanes);
  for (int i = 0; i < lanes; ++i) {
    const double mean = static_cast<double>(sums.sum[i]) / n;
    const double squares = static_cast<double>(sums.squares[i]) - mean * mean * n;
    const double shift = static_cast<double>(sums.pivot[i]) + mean - moments.mean[c + i];
    moments.mean[c + i] += shift * share;
    moments.squares[c + i] += (squares > 0.0 ? squares : 0.0) + shift * shift * weight;
    sums.pivot[i] = static_cast<float>(moments.mean[c + i]);
  }
  sums.sum = sums.squares = Vec{};
}

/// Writes outputs of channels [c, c + kLanes) while they are in registers. With kMoments they are
/// written before batch norm and added up for it, otherwise they are activated.
template <typename T, bool kMoments>
class Finish {
 public:
  Finish() = default;
  Finish(const ConvForward<T>& f, int c, int channels)
      : to_(f.out),
        plus_(f.plus),
        lanes_(to_, c, channels),
        plus_lanes_(plus_, c, channels),
        activation_(f.out_activation, c) {}

  void operator()(Index pixel, Vec v, Sums& sums) const {
    if constexpr (kMoments) {
      sums.add(v);
      if (to_.data == nullptr) return;
    } else {
      v = activation_(v);
      if (plus_.data != nullptr) v += plus_lanes_.load(plus_.data + pixel * plus_.pixel_stride);
    }
    T* to = to_.data + pixel * to_.pixel_stride;
    lanes_.will_store(to);
    lanes_.store(to, v);
  }

 private:
  Channels<T> to_;
  Channels<const T> plus_;
  ChannelLanes lanes_;
  ChannelLanes plus_lanes_;
  LaneActivation activation_;
};

}  // namespace

}  // namespace hsconas
