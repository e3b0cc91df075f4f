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

/// One block of an architecture with a supernet's weights, without gradients. Its batch norms use
/// the statistics of the current batch during calibration, and the pooled statistics afterwards.
/// Positions are those of Supernet: the stem is 0, layers count from 1, the head is last.
class CandidateBlock {
 public:
  /// Makes `block` at `position` of the supernet, with the weights of operator `op`. On a CPU, the
  /// convolutions that our kernels support take activations of `type`, fp32 or fp16, and a block
  /// made of these alone returns that type; all other operations run in fp32.
  CandidateBlock(const Supernet& supernet, Block block, std::size_t position, int op,
                 torch::ScalarType type = torch::kFloat);

  /// Runs the block on a batch with the batch's own statistics and pools these into `statistics`,
  /// which already cover `images_before` images. A head stops before its classifier. Throws
  /// Error(Usage) when the output of a convolution may exceed the range of fp16.
  torch::Tensor calibrate(const torch::Tensor& x, BatchNormStatistics& statistics,
                          double images_before) const;

  /// Like calibrate(), but without the block's output, which saves time.
  void observe(const torch::Tensor& x, BatchNormStatistics& statistics, double images_before) const;

  /// Sets the pooled statistics that apply() uses.
  void fix(const BatchNormStatistics& statistics);
  /// Runs the block with the fixed statistics, like FrozenNetwork. Throws Error(Internal) before
  /// fix().
  torch::Tensor apply(const torch::Tensor& x) const;

 private:
  /// Pools the statistics of a batch of `images` images into `statistics`.
  void add(const std::vector<NormStatistics>& seen, BatchNormStatistics& statistics,
           double images_before, std::int64_t images) const;

  const std::vector<Parameter>& parameters_;
  std::size_t position_;
  Block block_;
  torch::ScalarType type_;
  std::optional<ConvBlock> conv_block_;  ///< Set when our kernels support the whole block.
  std::vector<PackedWeights> weights_;   ///< One per convolution; none on a GPU.
  std::vector<NormFactors> norms_;
  std::optional<FrozenNetwork::Layer> frozen_;  ///< For operations without a kernel of ours.
};

/// The blocks of `arch` at positions [first, last), by default all blocks.
std::vector<CandidateBlock> candidate_blocks(const Supernet& supernet, const Architecture& arch,
                                             std::size_t first = 0, std::size_t last = SIZE_MAX,
                                             torch::ScalarType type = torch::kFloat);

}  // namespace hsconas
