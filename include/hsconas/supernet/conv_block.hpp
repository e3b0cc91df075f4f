#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <torch/types.h>

#include "hsconas/kernels/conv_chain.hpp"
#include "hsconas/space/block.hpp"

namespace hsconas {

/// The geometry of a convolution; absent when the kernels do not support this primitive.
std::optional<ConvGeometry> conv_geometry(const Primitive& primitive, bool needs_in_gradient);

/// A block for the convolution kernels: each of its paths is a sequence of units (convolution,
/// batch norm, optional ReLU).
struct ConvBlock {
  struct Path {
    Source source = Source::All;
    std::vector<ConvUnit> units;  ///< Empty when the path returns its input.
    int in_channels = 0;
    int out_channels = 0;
  };

  /// Absent when the kernels do not support a primitive of the block: pooling, shuffles, groups.
  static std::optional<ConvBlock> from(const Block& block, bool needs_in_gradient);
  /// Removes the units at the beginning of `primitives` and returns them as a block of one path;
  /// the block has no path when `primitives` do not begin with a unit.
  static ConvBlock leading(std::span<const Primitive>& primitives, bool needs_in_gradient);

  int out_channels = 0;
  int in_size = 0;
  int out_size = 0;
  Merge merge = Merge::Concat;
  std::vector<Path> paths;

  /// Whether the block returns its input unchanged.
  bool is_identity() const;
  std::size_t unit_count() const;
};

/// Runs `block` with batch statistics on `x` [N, C, H, W], fp32 or bf16 on the CPU; returns the
/// same type. Differentiable in `x` and `weights` (one per unit, fp32). The autograd node owns
/// everything that the backward pass needs.
torch::Tensor run_conv_block(ConvBlock block, const torch::Tensor& x,
                             const std::vector<torch::Tensor>& weights);

/// Runs `block` with batch statistics and without gradients on `x`, fp32 or fp16; returns the same
/// type and appends the statistics of every unit to `seen`. `weights` holds one entry per unit,
/// packed for the type of `x`.
torch::Tensor run_conv_block(const ConvBlock& block, const torch::Tensor& x,
                             std::span<const PackedWeights> weights,
                             std::vector<NormStatistics>& seen);

/// Runs `block` with given statistics, one per unit, and without gradients.
torch::Tensor run_conv_block(const ConvBlock& block, const torch::Tensor& x,
                             std::span<const PackedWeights> weights,
                             std::span<const NormFactors> norms);

/// The statistics of every unit of a block with one path, as run_conv_block() computes them, but
/// without computing the block's output.
std::vector<NormStatistics> statistics_of_units(const ConvBlock& block, const torch::Tensor& x,
                                                std::span<const PackedWeights> weights);

/// Average pooling of `x`, fp32 or fp16 on the CPU; the zero padding is part of the average.
torch::Tensor average_pooled(const Primitive& primitive, const torch::Tensor& x);

/// Averages `x` [N, C, H, W], fp32 or fp16 on the CPU, over its pixels: [N, C] in fp32.
torch::Tensor average_of_pixels(const torch::Tensor& x);

/// The calling thread's kernels. They use as many threads as torch, or one inside a parallel
/// region.
ConvChains& conv_chains();

}  // namespace hsconas
