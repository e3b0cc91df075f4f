#include "hsconas/supernet/device_path.hpp"

#include <algorithm>

#include <torch/types.h>

namespace hsconas {

namespace {

ChannelsRead channels_read(Source source) {
  switch (source) {
    case Source::EvenChannels:
      return ChannelsRead::Even;
    case Source::OddChannels:
      return ChannelsRead::Odd;
    case Source::All:
      break;
  }
  return ChannelsRead::All;
}

DeviceWeight device_weight(const Parameter& parameter) {
  return {.offset = parameter.value.storage_offset(),
          .row_stride = parameter.value.dim() > 1 ? parameter.value.stride(0) : 1,
          .decays = parameter.decays};
}

bool is_known(const DeviceUnit& unit, bool is_first_of_stem) {
  if (is_first_of_stem) return unit.groups == 1 && !unit.is_depthwise();
  if (unit.is_depthwise()) {
    return (unit.kernel == 1 || unit.kernel == 3 || unit.kernel == 5 || unit.kernel == 7) &&
           unit.stride <= 2;
  }
  return unit.kernel == 1;
}

/// Converts the primitives of a block's paths to units; each convolution takes the next weight.
class UnitBuilder {
 public:
  UnitBuilder(const std::vector<Parameter>& parameters, bool is_stem)
      : parameters_(parameters), is_stem_(is_stem) {}

  /// Absent when a primitive is not supported. A head's path ends before its average over pixels.
  std::optional<std::vector<DeviceUnit>> units(const Block::Path& path) {
    std::vector<DeviceUnit> units;
    for (const Primitive& p : path.primitives) {
      if (p.kind == PrimitiveKind::GlobalAvgPool) break;
      if (!add(p, units)) return {};
    }
    return units;
  }
  std::size_t next_weight() const { return next_; }

 private:
  bool add(const Primitive& p, std::vector<DeviceUnit>& units) {
    switch (p.kind) {
      case PrimitiveKind::Conv:
        return add_convolution(p, units);
      case PrimitiveKind::AvgPool:
        units.push_back(pooling(p));
        return p.kernel % 2 == 1 && p.kernel <= 7 && p.stride <= 2;
      case PrimitiveKind::BatchNorm:
        if (units.empty() || units.back().pools || units.back().relu) return false;
        units.back().norm = true;
        return true;
      case PrimitiveKind::Relu:
        if (units.empty()) return false;
        units.back().relu = true;
        return true;
      case PrimitiveKind::ChannelShuffle:
        if (units.empty() || units.back().is_depthwise()) return false;
        units.back().shuffle = p.groups;
        return true;
      case PrimitiveKind::Linear:
      case PrimitiveKind::GlobalAvgPool:
        break;
    }
    return false;
  }

  bool add_convolution(const Primitive& p, std::vector<DeviceUnit>& units) {
    DeviceUnit unit{.in_channels = p.in_channels,
                    .out_channels = p.out_channels,
                    .kernel = p.kernel,
                    .stride = p.stride,
                    .groups = p.groups,
                    .in_size = p.in_size,
                    .weight = device_weight(parameters_[next_++])};
    const bool is_first_of_stem = is_stem_ && units.empty();
    if (!is_known(unit, is_first_of_stem)) return false;
    if (!is_first_of_stem && !unit.is_depthwise() && unit.stride > 1) {
      // A strided 1 x 1 convolution first selects every other pixel, by average pooling over one
      // pixel.
      Primitive every_other = p;
      every_other.out_channels = p.in_channels;
      units.push_back(pooling(every_other));
      unit.in_size = units.back().out_size();
      unit.stride = 1;
      if (units.back().stride > 2) return false;
    }
    units.push_back(unit);
    return true;
  }

  static DeviceUnit pooling(const Primitive& p) {
    return {.in_channels = p.in_channels,
            .out_channels = p.in_channels,
            .kernel = p.kernel,
            .stride = p.stride,
            .groups = p.in_channels,
            .in_size = p.in_size,
            .pools = true};
  }

  const std::vector<Parameter>& parameters_;
  bool is_stem_;
  std::size_t next_ = 0;
};

std::optional<DeviceBlock> device_block(const Block& block,
                                        const std::vector<Parameter>& parameters, bool is_stem) {
  DeviceBlock result{.in_channels = block.in_channels,
                     .out_channels = block.out_channels,
                     .in_size = block.in_size,
                     .out_size = block.out_size,
                     .adds_input = block.merge == Merge::AddInput};
  UnitBuilder builder(parameters, is_stem);
  for (const Block::Path& path : block.paths) {
    auto units = builder.units(path);
    if (!units) return {};
    const int in_channels = path.source == Source::All ? block.in_channels : block.in_channels / 2;
    const int out_channels = units->empty() ? in_channels : units->back().out_channels;
    result.paths.push_back(
        {channels_read(path.source), std::move(*units), in_channels, out_channels});
  }
  return result;
}

bool reads_halves(const Operator& op) {
  const auto reads = [](const BlockTemplate& pattern) {
    return std::any_of(pattern.branches.begin(), pattern.branches.end(),
                       [](const Branch& branch) { return branch.source != Source::All; });
  };
  return reads(op.same_shape) || reads(op.changed_shape);
}

}  // namespace

std::optional<DeviceNetwork> device_network(const Supernet& supernet, const Architecture& arch) {
  const SearchSpace& space = supernet.space();
  DeviceNetwork network{.classes = space.description().classes,
                        .dropout = space.description().head.dropout};
  for (int op = 0; op < space.ops(); ++op) {
    network.splits_channels = network.splits_channels || reads_halves(space.op(op));
  }
  const std::vector<Block> blocks = space.network(arch);
  for (std::size_t position = 0; position < blocks.size(); ++position) {
    const auto& parameters = supernet.parameters(static_cast<int>(position), op_at(position, arch));
    auto block = device_block(blocks[position], parameters, position == 0);
    if (!block) return {};
    network.blocks.push_back(std::move(*block));
  }
  const auto& head = supernet.parameters(space.layers() + 1, 0);
  network.classifier = device_weight(head.at(1));
  network.has_bias = space.description().head.bias;
  if (network.has_bias) network.bias = device_weight(head.at(2));
  return network;
}

bool knows_all_operators(const Supernet& supernet) {
  for (int op = 0; op < supernet.space().ops(); ++op) {
    if (!device_network(supernet, supernet.space().uniform(op))) return false;
  }
  return true;
}

DeviceImages device_images(const torch::Tensor& images) {
  const torch::Tensor pixels = images.permute({0, 2, 3, 1});
  TORCH_INTERNAL_ASSERT(pixels.is_contiguous() && images.scalar_type() == torch::kFloat);
  return {.values = pixels.data_ptr<float>(),
          .count = static_cast<int>(pixels.size(0)),
          .channels = static_cast<int>(pixels.size(3))};
}

}  // namespace hsconas
