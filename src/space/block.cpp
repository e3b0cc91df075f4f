#include "hsconas/space/block.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

[[noreturn]] void unsuitable(const std::string& name, const std::string& why) {
  throw Error(ErrorKind::Usage, fmt::format("operator {} does not fit here: {}", name, why));
}

/// Turns the steps of one branch into primitives with all numbers known.
struct BranchBuilder {
  const std::string& name;
  int in_channels;
  int mid_channels;
  int out_channels;
  int stride;

  int resolve(Width width) const {
    switch (width) {
      case Width::In:
        return in_channels;
      case Width::Mid:
        return mid_channels;
      case Width::Out:
        return out_channels;
    }
    return 0;
  }

  std::vector<Primitive> build(const std::vector<Step>& steps, int in_size) const {
    std::vector<Primitive> primitives;
    int channels = in_channels;
    int size = in_size;
    for (const Step& step : steps) {
      const bool is_conv = step.kind == PrimitiveKind::Conv;
      Primitive p{.kind = step.kind,
                  .in_channels = channels,
                  .out_channels = is_conv ? resolve(step.out) : channels,
                  .kernel = step.kernel,
                  .stride = step.takes_stride ? stride : 1,
                  .groups = step.groups == kDepthwise ? channels : step.groups,
                  .in_size = size};
      p.out_size = (size + p.stride - 1) / p.stride;
      if (p.in_channels % p.groups != 0 || p.out_channels % p.groups != 0) {
        unsuitable(name, fmt::format("{} groups do not divide {} -> {} channels", p.groups,
                                     p.in_channels, p.out_channels));
      }
      channels = p.out_channels;
      size = p.out_size;
      primitives.push_back(p);
    }
    return primitives;
  }
};

Primitive per_channel(PrimitiveKind kind, int channels, int size) {
  return {.kind = kind,
          .in_channels = channels,
          .out_channels = channels,
          .in_size = size,
          .out_size = size};
}

}  // namespace

std::string Block::key() const {
  return fmt::format("{}_i{}_m{}_o{}_r{}_s{}", name, in_channels, mid_channels, out_channels,
                     in_size, stride);
}

bool Block::is_identity() const {
  return std::all_of(paths.begin(), paths.end(),
                     [](const Path& path) { return path.primitives.empty(); });
}

int full_mid_channels(const Operator& op, const LayerShape& shape) {
  return op.mid.times *
         (op.mid.base == MidRule::Base::Input ? shape.in_channels : shape.out_channels / 2);
}

Block make_block(const Operator& op, const LayerShape& shape, int mid_channels) {
  const BlockTemplate& pattern = shape.keeps_shape() ? op.same_shape : op.changed_shape;
  Block block{.name = op.name,
              .in_channels = shape.in_channels,
              .mid_channels = op.has_mid() ? mid_channels : 0,
              .out_channels = shape.out_channels,
              .in_size = shape.in_size,
              .out_size = shape.out_size(),
              .stride = shape.stride,
              .merge = pattern.merge};
  if (op.has_mid() && mid_channels < 1) unsuitable(op.name, "it needs at least one inner channel");
  // In a concatenation the main branch, the last one, fills what the others leave free.
  int left = shape.out_channels;
  for (const Branch& branch : pattern.branches) {
    const bool halved = branch.source != Source::All;
    if (halved && shape.in_channels % 2 != 0) {
      unsuitable(op.name, fmt::format("{} channels cannot be halved", shape.in_channels));
    }
    const int in_channels = halved ? shape.in_channels / 2 : shape.in_channels;
    if (left < 1) {
      unsuitable(op.name, fmt::format("{} -> {} channels leave none for its main branch",
                                      shape.in_channels, shape.out_channels));
    }
    const BranchBuilder builder{op.name, in_channels, mid_channels, left, shape.stride};
    block.paths.push_back({branch.source, builder.build(branch.steps, shape.in_size)});
    const auto& primitives = block.paths.back().primitives;
    left -= primitives.empty() ? in_channels : primitives.back().out_channels;
  }
  if (left != 0) {
    unsuitable(op.name,
               fmt::format("its branches miss {} output channels by {}", shape.out_channels, left));
  }
  return block;
}

Block make_stem(const LayerShape& shape, int kernel) {
  const int size = shape.out_size();
  const Primitive conv{.kind = PrimitiveKind::Conv,
                       .in_channels = shape.in_channels,
                       .out_channels = shape.out_channels,
                       .kernel = kernel,
                       .stride = shape.stride,
                       .in_size = shape.in_size,
                       .out_size = size};
  return {.name = fmt::format("stem_k{}", kernel),
          .in_channels = shape.in_channels,
          .out_channels = shape.out_channels,
          .in_size = shape.in_size,
          .out_size = size,
          .stride = shape.stride,
          .paths = {{Source::All,
                     {conv, per_channel(PrimitiveKind::BatchNorm, shape.out_channels, size),
                      per_channel(PrimitiveKind::Relu, shape.out_channels, size)}}}};
}

Block make_head(int in_channels, int in_size, int mid_channels, int classes, bool bias) {
  const Primitive conv{.kind = PrimitiveKind::Conv,
                       .in_channels = in_channels,
                       .out_channels = mid_channels,
                       .in_size = in_size,
                       .out_size = in_size};
  Primitive pool = per_channel(PrimitiveKind::GlobalAvgPool, mid_channels, in_size);
  pool.out_size = 1;
  const Primitive classifier{.kind = PrimitiveKind::Linear,
                             .in_channels = mid_channels,
                             .out_channels = classes,
                             .in_size = 1,
                             .out_size = 1,
                             .has_bias = bias};
  return {.name = bias ? "head_bias" : "head",
          .in_channels = in_channels,
          .mid_channels = mid_channels,
          .out_channels = classes,
          .in_size = in_size,
          .out_size = 1,
          .paths = {{Source::All,
                     {conv, per_channel(PrimitiveKind::BatchNorm, mid_channels, in_size),
                      per_channel(PrimitiveKind::Relu, mid_channels, in_size), pool, classifier}}}};
}

Cost& Cost::operator+=(const Cost& other) {
  macs += other.macs;
  weights += other.weights;
  batch_norm += other.batch_norm;
  return *this;
}

Cost cost_of(const Block& block) {
  Cost cost;
  for (const Block::Path& path : block.paths) {
    for (const Primitive& p : path.primitives) {
      if (p.kind == PrimitiveKind::BatchNorm) cost.batch_norm += 2LL * p.out_channels;
      if (!p.has_weight()) continue;
      const std::int64_t weights = p.weight_count();
      cost.weights += weights + (p.has_bias ? p.out_channels : 0);
      cost.macs += weights * p.out_size * p.out_size;
    }
  }
  return cost;
}

Cost cost_of(std::span<const Block> network) {
  Cost total;
  for (const Block& block : network) total += cost_of(block);
  return total;
}

}  // namespace hsconas
