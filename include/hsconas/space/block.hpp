#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsconas/space/operators.hpp"

namespace hsconas {

/// One primitive with its numbers filled in. Images are square: `in_size` pixels a side.
struct Primitive {
  PrimitiveKind kind = PrimitiveKind::Relu;
  int in_channels = 0;
  int out_channels = 0;
  int kernel = 1;
  int stride = 1;
  int groups = 1;
  int in_size = 0;
  int out_size = 0;
  bool has_bias = false;  ///< Linear only.

  bool has_weight() const { return kind == PrimitiveKind::Conv || kind == PrimitiveKind::Linear; }
  /// Input channels that one output channel reads.
  int inputs_per_output() const { return in_channels / groups; }
  /// Entries of the weight, [out_channels, inputs_per_output(), kernel, kernel].
  std::int64_t weight_count() const {
    return std::int64_t{1} * out_channels * inputs_per_output() * kernel * kernel;
  }
};

/// A piece of a network with every number known: a layer's operator at one width, the stem or the
/// head. Counting, training, timing and exporting all work on blocks.
struct Block {
  struct Path {
    Source source = Source::All;
    std::vector<Primitive> primitives;
  };

  std::string name;  ///< The operator's name, "stem_k3" (by kernel), "head" or "head_bias".
  int in_channels = 0;
  int mid_channels = 0;  ///< 0 when there is no inner width.
  int out_channels = 0;
  int in_size = 0;
  int out_size = 0;
  int stride = 1;
  Merge merge = Merge::Concat;
  std::vector<Path> paths;

  /// Two blocks with the same key compute the same thing at the same cost:
  /// "xception_i48_m24_o48_r28_s1".
  std::string key() const;

  /// Whether it returns its input: there is no primitive on any path, hence no cost.
  bool is_identity() const;
};

/// Calls `use` for every primitive of `block` that has a weight, path by path: the order of weights
/// in supernets, frozen networks, files and exported models.
template <typename Use>
void for_each_weighted(const Block& block, Use use) {
  for (const Block::Path& path : block.paths) {
    for (const Primitive& primitive : path.primitives) {
      if (primitive.has_weight()) use(primitive);
    }
  }
}

/// Input and output of a layer.
struct LayerShape {
  int in_channels = 0;
  int out_channels = 0;
  int in_size = 0;  ///< Pixels a side.
  int stride = 1;

  bool keeps_shape() const { return stride == 1 && in_channels == out_channels; }
  int out_size() const { return (in_size + stride - 1) / stride; }
};

/// Mid channels of `op` at width factor 1.
int full_mid_channels(const Operator& op, const LayerShape& shape);

/// `op` at `shape` with `mid_channels` inner channels (ignored when it has none). Throws
/// Error(Usage) when the shape does not suit it: odd channels where halves are needed, no channels
/// left for the main branch beside a projection, groups that do not divide a width, or fewer than
/// one inner channel.
Block make_block(const Operator& op, const LayerShape& shape, int mid_channels);

/// First convolution, batch norm, ReLU.
Block make_stem(const LayerShape& shape, int kernel);

/// 1x1 convolution to `mid_channels`, batch norm, ReLU, global average pool, linear classifier.
Block make_head(int in_channels, int in_size, int mid_channels, int classes, bool bias);

/// Cost of a block or network, counted as in the literature: multiply-adds of convolutions and
/// linear layers for one image; batch norm, activations, pooling and bias additions are free.
struct Cost {
  std::int64_t macs = 0;
  std::int64_t weights = 0;     ///< Parameters of convolutions and linear layers, with bias.
  std::int64_t batch_norm = 0;  ///< Scale and shift of every batch norm.

  std::int64_t parameters() const { return weights + batch_norm; }
  Cost& operator+=(const Cost& other);
};

Cost cost_of(const Block& block);
Cost cost_of(std::span<const Block> network);

}  // namespace hsconas
