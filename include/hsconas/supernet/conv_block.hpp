#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <torch/types.h>

#include "hsconas/kernels/conv_chain.hpp"
#include "hsconas/space/block.hpp"

namespace hsconas {

/// The convolution of a primitive; absent where it is none that the kernels know.
std::optional<ConvGeometry> conv_geometry(const Primitive& primitive, bool needs_in_gradient);

/// A block as the convolution kernels see it: on every path nothing but units.
struct ConvBlock {
  struct Path {
    Source source = Source::All;
    std::vector<ConvUnit> units;  ///< None: the input is passed on.
    int in_channels = 0;
    int out_channels = 0;
  };

  /// Absent where the block has anything the kernels do not know: pooling, shuffles, groups.
  static std::optional<ConvBlock> from(const Block& block, bool needs_in_gradient);
  /// One path of the units that `primitives` begin with, which are taken away; no path where they
  /// begin with something else.
  static ConvBlock leading(std::span<const Primitive>& primitives, bool needs_in_gradient);

  int out_channels = 0;
  int in_size = 0;
  int out_size = 0;
  Merge merge = Merge::Concat;
  std::vector<Path> paths;

  /// Passes its input on.
  bool is_identity() const;
  std::size_t unit_count() const;
};

/// `block` on `x` [N, C, H, W], fp32 or bf16 on the CPU, with batch statistics; returns that type.
/// Differentiable in `x` and `weights` (one per unit, fp32). The node of the graph owns all that
/// the backward pass needs.
torch::Tensor run_conv_block(ConvBlock block, const torch::Tensor& x,
                             const std::vector<torch::Tensor>& weights);

/// The same without gradients, on `x` of fp32 or fp16, `weights` being those of a block's units
/// packed for its type; returns that type and fills `seen` with the statistics of every unit.
torch::Tensor run_conv_block(const ConvBlock& block, const torch::Tensor& x,
                             std::span<const PackedWeights> weights,
                             std::vector<NormStatistics>& seen);

/// `block` with given statistics, one of every unit, and without gradients.
torch::Tensor run_conv_block(const ConvBlock& block, const torch::Tensor& x,
                             std::span<const PackedWeights> weights,
                             std::span<const NormFactors> norms);

/// What the units of a block of one path see, as run_conv_block() finds it, without its output.
std::vector<NormStatistics> statistics_of_units(const ConvBlock& block, const torch::Tensor& x,
                                                std::span<const PackedWeights> weights);

/// What a primitive of average pooling makes of `x`, fp32 or fp16 on the CPU; padding counts.
torch::Tensor average_pooled(const Primitive& primitive, const torch::Tensor& x);

/// [N, C, H, W] of fp32 or fp16 on the CPU to the averages [N, C] in fp32.
torch::Tensor average_of_pixels(const torch::Tensor& x);

/// The calling thread's kernels: on as many threads as torch uses, on one in a parallel region.
ConvChains& conv_chains();

}  // namespace hsconas
