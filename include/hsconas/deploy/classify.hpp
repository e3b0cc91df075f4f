#pragma once

#include "hsconas/data/loader.hpp"
#include "hsconas/deploy/evaluation.hpp"
#include "hsconas/supernet/frozen_network.hpp"

namespace hsconas {

/// Adds what `network` makes of a labelled batch, which may lie on another device, to `evaluation`.
void classify(const FrozenNetwork& network, const Batch& batch, Evaluation& evaluation);

}  // namespace hsconas
