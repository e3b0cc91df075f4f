#pragma once

#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// Makes the weights of `network`, which must have the architecture `arch`, those of `arch` in the
/// supernet, to train them further. This is the inverse of freeze() up to the scale of each output
/// channel: folding divided it by the channel's deviation, and the batch norms of a supernet, which
/// have neither weights nor statistics, normalise every scale. The biases from folding vanish for
/// the same reason. Momentum becomes zero.
void thaw(const FrozenNetwork& network, const Architecture& arch, Supernet& supernet);

}  // namespace hsconas
