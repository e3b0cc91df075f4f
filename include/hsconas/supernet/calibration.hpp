#pragma once

#include <vector>

#include <torch/types.h>

#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// Mean and variance at every batch norm of a network, pooled over calibration batches.
struct BatchNormStatistics {
  struct Layer {
    torch::Tensor mean;      ///< [C]
    torch::Tensor variance;  ///< [C], the population variance (divided by n).
  };
  std::vector<std::vector<Layer>> blocks;  ///< [position][batch norm slot]
};

/// Runs `arch` over `batches` of images [N, C, H, W] with batch statistics and pools the mean and
/// variance at every batch norm, each batch weighted by its number of images. Batches may differ in
/// size; a single batch gives the statistics of a training step on it.
BatchNormStatistics calibrate(const Supernet& supernet, const Architecture& arch,
                              const std::vector<torch::Tensor>& batches);

/// Folds these statistics into the parameters of one block, for a FrozenNetwork.
FrozenNetwork::Layer freeze(Block block, const std::vector<Parameter>& parameters,
                            const std::vector<BatchNormStatistics::Layer>& statistics);

/// Copies the weights of `arch` out of the supernet and folds these statistics into them: the
/// result no longer depends on the supernet.
FrozenNetwork freeze(const Supernet& supernet, const Architecture& arch,
                     const BatchNormStatistics& statistics);

}  // namespace hsconas
