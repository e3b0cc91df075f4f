#pragma once

#include "values.hpp"

namespace hsconas::cuda {

/// The order of an activation's channels in memory.
struct ChannelOrder {
  enum Kind : int {
    Plain,    ///< All channels in order, then padding.
    Split,    ///< Even channels, padding, odd channels, padding.
    Shuffled  ///< The order before a channel shuffle with `groups` groups, then padding.
  };
  Kind kind = Plain;
  int channels = 0;
  int groups = 1;

  /// Channels in memory, padding included.
  HSCONAS_BOTH int memory() const { return kind == Split ? 2 * half_memory() : padded(channels); }
  /// The place where the odd channels of a split order begin.
  HSCONAS_BOTH int half_memory() const { return padded((channels + 1) / 2); }

  /// The place of channel `c`.
  HSCONAS_BOTH int at(int c) const {
    if (kind == Split) return (c & 1) * half_memory() + (c >> 1);
    if (kind == Shuffled) return c % groups * (channels / groups) + c / groups;
    return c;
  }
  /// The channel at place `m`; -1 for padding.
  HSCONAS_BOTH int channel(int m) const {
    if (kind == Split) {
      const int half = half_memory();
      const int odd = m >= half ? 1 : 0;
      const int c = 2 * (m - odd * half) + odd;
      return c < channels ? c : -1;
    }
    if (m >= channels) return -1;
    if (kind == Shuffled) {
      const int each = channels / groups;
      return m % each * groups + m / each;
    }
    return m;
  }
};

}  // namespace hsconas::cuda
