#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// The kinds of operations that an operator consists of. All convolutions are square, padded by
/// kernel / 2 and without bias, so that a stride s maps n pixels to ceil(n / s).
enum class PrimitiveKind {
  Conv,            ///< Convolution; groups from 1 (dense) to the channel count (depthwise).
  BatchNorm,       ///< Per-channel normalisation.
  Relu,            ///< max(x, 0).
  AvgPool,         ///< Average over a kernel x kernel window, zero padding counted.
  ChannelShuffle,  ///< Interleaves the channels of `groups` groups (ShuffleNet, 2018).
  GlobalAvgPool,   ///< Mean over all pixels.
  Linear           ///< Matrix product with optional bias.
};

/// The channel counts in which an operator is described. Only Mid is scaled by the width factor.
enum class Width {
  In,   ///< Channels the branch receives: all of the layer's input, or half of it after a split.
  Mid,  ///< The operator's inner channels, see MidRule.
  Out   ///< Channels the branch must deliver so that the merged result has the layer's output.
};

/// The part of the layer's input channels that a branch receives. Splitting by parity takes the
/// place of ShuffleNetV2's channel shuffle, as in the released code of SPOS (arXiv 1904.00420).
enum class Source { All, EvenChannels, OddChannels };

/// How the branches become one tensor: concatenated in order, or branch 0 added to the layer's
/// input (the residual shortcut). A single branch that is concatenated is just itself.
enum class Merge { Concat, AddInput };

inline constexpr int kDepthwise = 0;  ///< Step::groups for one group per channel.

/// One primitive with symbolic widths.
struct Step {
  PrimitiveKind kind = PrimitiveKind::Relu;
  Width out = Width::In;      ///< Channels after a Conv; other kinds keep theirs.
  int kernel = 1;             ///< Conv and AvgPool: side of the window, odd.
  bool takes_stride = false;  ///< Conv and AvgPool: carries the layer's stride.
  int groups = 1;             ///< Conv and ChannelShuffle; kDepthwise is one group per channel.
};

struct Branch {
  Source source = Source::All;
  std::vector<Step> steps;
};

/// The branches of an operator at one kind of layer.
struct BlockTemplate {
  Merge merge = Merge::Concat;
  std::vector<Branch> branches;
};

/// Full width of Mid: `times` x the layer's input channels, or half its output channels.
/// `times` 0 says that the operator has no inner width, so a width factor changes nothing.
struct MidRule {
  enum class Base { Input, HalfOutput };
  Base base = Base::Input;
  int times = 0;
};

/// One choice of a layer, described once; counting, training, timing and exporting interpret this.
struct Operator {
  std::string name;
  MidRule mid;
  BlockTemplate same_shape;     ///< Stride 1 and as many channels out as in.
  BlockTemplate changed_shape;  ///< Every other layer: stride 2, or another channel count.

  bool has_mid() const { return mid.times > 0; }
};

/// Every operator this program knows:
/// - `shuffle_k3`, `shuffle_k5`, `shuffle_k7`, `xception`: ShuffleNetV2 blocks as in SPOS;
/// - `skip`: identity; where the shape changes, a 3x3 average pool with the stride, then a 1x1
///   convolution to the output width, batch norm and ReLU: the cheapest layer that can change the
///   shape, so that every layer keeps the same number of choices;
/// - `mbconv_e{1,3,6}_k{3,5,7}`: MobileNetV2 blocks, expansion x kernel, with a shortcut where the
///   shape stays; `_g2` (for e1) has two groups in both 1x1 convolutions and a channel shuffle
///   after the first, as in FBNet;
/// - `identity`: identity; where the shape changes, a strided 1x1 convolution and batch norm, as in
///   NAS-Bench-Macro.
std::span<const Operator> all_operators();

/// The operator called `name`; throws Error(Usage) with the nearest known name.
const Operator& find_operator(std::string_view name);

}  // namespace hsconas
