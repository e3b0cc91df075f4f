#pragma once

#include <vector>

#include <torch/types.h>

#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// Batch norm statistics of every batch norm of a network, pooled over calibration batches.
struct BatchNormStatistics {
  struct Layer {
    torch::Tensor mean;      ///< [C]
    torch::Tensor variance;  ///< [C], of the whole population (divided by n).
  };
  std::vector<std::vector<Layer>> blocks;  ///< [position][batch norm slot]
};

/// Runs `arch` over `batches` of images [N, C, H, W] with batch statistics, and pools the means
/// and variances that every batch norm saw, a batch counting as much as it has images. Batches may
/// differ in size; with a single one the result is that of a training step on it.
BatchNormStatistics calibrate(const Supernet& supernet, const Architecture& arch,
                              const std::vector<torch::Tensor>& batches);

/// One block with these parameters and statistics, ready for a FrozenNetwork.
FrozenNetwork::Layer freeze(Block block, const std::vector<Parameter>& parameters,
                            const std::vector<BatchNormStatistics::Layer>& statistics);

/// `arch` cut out of the supernet with these statistics: a network that stands alone.
FrozenNetwork freeze(const Supernet& supernet, const Architecture& arch,
                     const BatchNormStatistics& statistics);

}  // namespace hsconas
