#pragma once

#include "channel_order.hpp"
#include "lanes.hpp"
#include "moments.hpp"
#include "values.hpp"

// Kernels of the forward pass that pass over activations. Padded channels are written as zeros.
namespace hsconas::cuda {

/// Batch norm and ReLU of eight channels.
struct EightNorms {
  float scale[8];
  float shift[8];

  HSCONAS_DEVICE EightNorms(const Norm& norm, int m) {
    HSCONAS_UNROLL
    for (int k = 0; k < 8; ++k) {
      scale[k] = norm.scale == nullptr ? 1.0F : norm.scale[m + k];
      shift[k] = norm.scale == nullptr ? 0.0F : norm.shift[m + k];
    }
  }
  HSCONAS_DEVICE float normalised(int k, float z) const { return scale[k] * z + shift[k]; }
};

HSCONAS_DEVICE float rectified(float value, bool relu) {
  return relu && value < 0.0F ? 0.0F : value;
}

/// A tensor that is read through batch norm and ReLU.
template <typename T>
struct Activated {
  const T* data = nullptr;
  std::int64_t stride = 0;  ///< Values from one pixel to the next.
  Norm norm;
  bool relu = false;

  HSCONAS_DEVICE float value(std::int64_t pixel, int m) const {
    const float z = to_float(data[pixel * stride + m]);
    if (norm.scale == nullptr) return rectified(z, relu);
    return rectified(norm.scale[m] * z + norm.shift[m], relu);
  }
};

/// Computes the batch norm of z [pixels][channels] from its first `counted` pixels.
template <typename T>
struct TakeStatistics {
  static constexpr int kThreads = Lanes::kThreads;
  const T* z;
  std::int64_t counted;
  int channels;
  Lanes lanes;
  float epsilon;
  Norm norm;
  Moments* parts;      ///< [blocks along y][channels].
  unsigned* counters;  ///< One per block along x, all 0.

  static int shared_bytes() {
    return kThreads * static_cast<int>(8 * sizeof(Moments) + sizeof(MomentTotals));
  }

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    auto* totals = reinterpret_cast<MomentTotals*>(block.shared);
    auto* own = reinterpret_cast<Moments*>(totals + kThreads);  // [rows][channels of the block].
    const int count = lanes.channels(block.x);
    const int first = 8 * block.x * lanes.lanes;
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int m = 8 * lanes.octet(block.x, thread);
      const T* from = z + m;
      float pivot[8] = {};
      float sum[8] = {};
      float squares[8] = {};
      float pixels = 0.0F;
      for_pixels(
          block, lanes, thread, counted,
          [&](std::int64_t p) {
            const Eight<T> values = load_eight(from + p * channels);
            HSCONAS_UNROLL
            for (int k = 0; k < 8; ++k) pivot[k] = to_float(values.values[k]);
          },
          [&](std::int64_t p) { return load_eight(from + p * channels); },
          [&](std::int64_t, const Eight<T>& values) {
            pixels += 1.0F;
            HSCONAS_UNROLL
            for (int k = 0; k < 8; ++k) {
              const float difference = to_float(values.values[k]) - pivot[k];
              sum[k] += difference;
              squares[k] += difference * difference;
            }
          });
      Moments* to = own + lanes.row(thread) * count + (m - first);
      HSCONAS_UNROLL
      for (int k = 0; k < 8; ++k) {
        to[k] = MomentSums{pivot[k], pixels, sum[k], squares[k]}.moments();
      }
    });
    Moments* part = parts + std::int64_t{block.y} * channels + first;
    total_parts(block, own, lanes.rows, count, count, totals,
                [&](int c, const MomentTotals& total) { part[c] = total.moments(); });
    if (!block.is_last(counters + block.x, block.blocks_y)) return;
    total_parts(
        block, parts + first, block.blocks_y, channels, count, totals,
        [&](int c, const MomentTotals& total) { set_norm(norm, first + c, total, epsilon); });
  }
};

/// out [pixels][channels] = activated `in`, in the same order of channels. Padding needs no
/// clearing: it is 0 in `in`, and batch norm of zeros is 0.
template <typename T>
struct Activate {
  static constexpr int kThreads = Lanes::kThreads;
  Activated<T> in;
  T* out;
  std::int64_t pixels;
  int channels;
  Lanes lanes;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int m = 8 * lanes.octet(block.x, thread);
      const EightNorms norms(in.norm, m);
      for_pixels(
          block, lanes, thread, pixels,
          [&](std::int64_t p) { return load_eight(in.data + p * in.stride + m); },
          [&](std::int64_t p, const Eight<T>& values) {
            Eight<T> made;
            HSCONAS_UNROLL
            for (int k = 0; k < 8; ++k) {
              const float y = norms.normalised(k, to_float(values.values[k]));
              made.values[k] = from_float<T>(rectified(y, in.relu));
            }
            *reinterpret_cast<Eight<T>*>(out + p * channels + m) = made;
          });
    });
  }
};

/// One of the tensors that are concatenated: the source of `count` output channels from `first` on.
template <typename T>
struct Piece {
  Activated<T> from;
  ChannelOrder order;  ///< Channel order of `from`.
  int first = 0;
  int count = 0;
};

/// out [pixels][channels in memory] = the concatenated pieces in the channel order `order`, plus
/// `plus`, which has the layout of `out`. A thread writes eight channels c to c + 7; in a split
/// order they are four of each half.
template <typename T>
struct Concatenate {
  static constexpr int kThreads = Lanes::kThreads;
  static constexpr int kMost = 4;
  Piece<T> pieces[kMost];
  int piece_count;
  const T* plus;  ///< nullptr: nothing is added.
  T* out;
  std::int64_t pixels;
  ChannelOrder order;
  Lanes lanes;

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      if (!lanes.has_work(block.x, thread)) return;
      const int c = 8 * lanes.octet(block.x, thread);
      const Piece<T>* row = piece_with_row(c);
      if (row == nullptr) {
        write_one_by_one(block, thread, c);
        return;
      }
      const Activated<T>& from = row->from;
      const int m = c - row->first;
      const EightNorms norms(from.norm, m);
      for_pixels(
          block, lanes, thread, pixels,
          [&](std::int64_t p) { return load_eight(from.data + p * from.stride + m); },
          [&](std::int64_t p, const Eight<T>& values) {
            float made[8];
            HSCONAS_UNROLL
            for (int k = 0; k < 8; ++k) {
              made[k] = rectified(norms.normalised(k, to_float(values.values[k])), from.relu);
            }
            write(p, c, made);
          });
    });
  }

 private:
  /// The piece in whose memory the eight channels from `c` on are adjacent and aligned, if any.
  HSCONAS_DEVICE const Piece<T>* piece_with_row(int c) const {
    for (int i = 0; i < piece_count; ++i) {
      const Piece<T>& piece = pieces[i];
      if (piece.order.kind == ChannelOrder::Plain && c >= piece.first &&
          c + 8 <= piece.first + piece.count && (c - piece.first) % 8 == 0) {
        return &piece;
      }
    }
    return nullptr;
  }

  template <typename Block>
  HSCONAS_DEVICE void write_one_by_one(const Block& block, int thread, int c) const {
    for_pixels(
        block, lanes, thread, pixels, [](std::int64_t p) { return p; },
        [&](std::int64_t p, std::int64_t) {
          float made[8];
          for (int k = 0; k < 8; ++k) made[k] = value(p, c + k);
          write(p, c, made);
        });
  }

  HSCONAS_DEVICE float value(std::int64_t p, int c) const {
    for (int i = 0; i < piece_count; ++i) {
      const Piece<T>& piece = pieces[i];
      if (c >= piece.first && c < piece.first + piece.count) {
        return piece.from.value(p, piece.order.at(c - piece.first));
      }
    }
    return 0.0F;  // Padding.
  }

  HSCONAS_DEVICE void write(std::int64_t p, int c, const float* made) const {
    T* row = out + p * order.memory();
    const T* added = plus == nullptr ? nullptr : plus + p * order.memory();
    if (order.kind != ChannelOrder::Split) {
      Eight<T> values;
      HSCONAS_UNROLL
      for (int k = 0; k < 8; ++k) values.values[k] = sum(made[k], added, c + k);
      *reinterpret_cast<Eight<T>*>(row + c) = values;
      return;
    }
    const int half = order.half_memory();
    Four<T> even;
    Four<T> odd;
    HSCONAS_UNROLL
    for (int k = 0; k < 4; ++k) {
      even.values[k] = sum(made[2 * k], added, c / 2 + k);
      odd.values[k] = sum(made[2 * k + 1], added, half + c / 2 + k);
    }
    *reinterpret_cast<Four<T>*>(row + c / 2) = even;
    *reinterpret_cast<Four<T>*>(row + half + c / 2) = odd;
  }
  static HSCONAS_DEVICE T sum(float value, const T* added, int m) {
    return from_float<T>(added == nullptr ? value : value + to_float(added[m]));
  }
};

}  // namespace hsconas::cuda
