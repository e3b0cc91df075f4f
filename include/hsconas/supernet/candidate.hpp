#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "hsconas/supernet/calibration.hpp"
#include "hsconas/supernet/conv_block.hpp"
#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// An architecture with a supernet's weights, block by block, without gradients: with the
/// statistics of a batch while it is calibrated, with those pooled over all batches afterwards.
/// Blocks are counted as in Supernet: the stem 0, layers from 1, the head last.
class CandidateBlock {
 public:
  /// `block` at `position` of the supernet, with the weights of operator `op`. On a CPU the
  /// convolutions that our kernels know run on activations of `type`, fp32 or fp16, and a block of
  /// nothing else returns that type; everything else is fp32.
  CandidateBlock(const Supernet& supernet, Block block, std::size_t position, int op,
                 torch::ScalarType type = torch::kFloat);

  /// Runs the block on a batch with the batch's own statistics and adds these to `statistics`,
  /// which holds `images_before` images already. A head stops before its classifier. Throws
  /// Error(Usage) where fp16 cannot hold what a convolution makes.
  torch::Tensor calibrate(const torch::Tensor& x, BatchNormStatistics& statistics,
                          double images_before) const;

  /// The same where nothing reads what the block makes of the batch.
  void observe(const torch::Tensor& x, BatchNormStatistics& statistics, double images_before) const;

  /// Fixes the pooled statistics, for apply().
  void fix(const BatchNormStatistics& statistics);
  /// Runs the block with them: what FrozenNetwork does. Throws Error(Internal) before fix().
  torch::Tensor apply(const torch::Tensor& x) const;

 private:
  /// Adds what the units saw on a batch of so many images.
  void add(const std::vector<NormStatistics>& seen, BatchNormStatistics& statistics,
           double images_before, std::int64_t images) const;

  const std::vector<Parameter>& parameters_;
  std::size_t position_;
  Block block_;
  torch::ScalarType type_;
  std::optional<ConvBlock> conv_block_;  ///< Where our kernels know all of it.
  std::vector<PackedWeights> weights_;   ///< Of the convolutions the kernels know; none on a GPU.
  std::vector<NormFactors> norms_;
  std::optional<FrozenNetwork::Layer> frozen_;  ///< For what they do not know.
};

/// The blocks of `arch` at positions [first, last), by default all of them.
std::vector<CandidateBlock> candidate_blocks(const Supernet& supernet, const Architecture& arch,
                                             std::size_t first = 0, std::size_t last = SIZE_MAX,
                                             torch::ScalarType type = torch::kFloat);

}  // namespace hsconas
