#pragma once

#include "hsconas/supernet/frozen_network.hpp"

namespace hsconas {

/// A network that computes the same as `network` (up to the rounding of sums), whose inner channels
/// are sorted: those that matter most come first in each block. A lower width, which keeps the
/// first channels everywhere in this program, then keeps the channels with the largest norms.
///
/// The norm of a channel is that of the weights that read it. The weights that produce it say
/// nothing, because the batch norm after them gives all channels the same scale. Channels keep
/// their places where a shuffle or a grouped convolution fixes these.
FrozenNetwork with_sorted_channels(const FrozenNetwork& network);

}  // namespace hsconas
