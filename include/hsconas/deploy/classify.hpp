#pragma once

#include "hsconas/loader/loader.hpp"
#include "hsconas/report/evaluation.hpp"
#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/supernet/int8_network.hpp"

namespace hsconas {

/// Classifies a labelled batch, which may be on another device, and adds the answers to
/// `evaluation`.
void classify(const FrozenNetwork& network, const Batch& batch, Evaluation& evaluation);
void classify(const Int8Network& network, const Batch& batch, Evaluation& evaluation);

}  // namespace hsconas
