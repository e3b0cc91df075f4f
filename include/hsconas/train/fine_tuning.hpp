#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <torch/types.h>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// A few training steps of one network, whose weights may be rounded as its int8 form rounds them.
struct FineTuning {
  /// Bits of the weights of each block: the stem, the layers, the head. Empty: weights are not
  /// rounded. Each step computes with rounded weights, and its gradient changes those before
  /// rounding (the straight-through estimator of Bengio et al., 2013).
  std::vector<int> bits;
  SupernetConfig settings;  ///< The schedule of its learning rate covers these steps.
  std::int64_t steps = 0;
  std::uint64_t seed = 0;  ///< Of dropout.
};

/// Trains the weights of `arch` in the supernet on the next batches of `batches`. Returns the loss
/// of each step. The result depends on the weights, the arguments and the batches only. Throws
/// Error(Interrupted) when a stop is requested, Error(Usage) when a loss is not finite.
std::vector<double> fine_tune(Supernet& supernet, const Architecture& arch,
                              const FineTuning& tuning, TrainLoader& batches,
                              const StopToken& stop);

/// Rounds the weights of `arch` in the supernet; `bits` as in FineTuning.
void round_weights(Supernet& supernet, const Architecture& arch, std::span<const int> bits);

/// The real numbers for which the integers of quantise_weights() stand: `weight` with each output
/// channel rounded to integers of `bits` bits.
torch::Tensor rounded_weight(const torch::Tensor& weight, int bits);

}  // namespace hsconas
