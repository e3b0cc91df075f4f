#include "hsconas/supernet/conv_block.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <type_traits>
#include <utility>

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/parallel.hpp"
#include "hsconas/supernet/frozen_network.hpp"

namespace hsconas {

namespace {

/// Removes the units (convolution, batch norm, optional ReLU) at the beginning of `primitives` and
/// returns them.
std::vector<ConvUnit> take_units(std::span<const Primitive>& primitives, bool needs_in_gradient) {
  std::vector<ConvUnit> units;
  while (primitives.size() >= 2 && primitives[1].kind == PrimitiveKind::BatchNorm) {
    const auto shape = conv_geometry(primitives[0], needs_in_gradient || !units.empty());
    if (!shape) break;
    ConvUnit unit{.shape = *shape};
    unit.relu = primitives.size() > 2 && primitives[2].kind == PrimitiveKind::Relu;
    primitives = primitives.subspan(unit.relu ? 3 : 2);
    units.push_back(unit);
  }
  return units;
}

int first_channel(Source source) {
  return source == Source::OddChannels ? 1 : 0;
}
int channel_step(Source source) {
  return source == Source::All ? 1 : 2;
}

/// The halves of the channels, even and odd ones, that some paths cover.
struct CoveredChannels {
  bool even = false;
  bool odd = false;

  bool overlap(Source source) const {
    return (even && source != Source::OddChannels) || (odd && source != Source::EvenChannels);
  }
  void add(Source source) {
    even = even || source != Source::OddChannels;
    odd = odd || source != Source::EvenChannels;
  }
};

/// The data of a tensor of T.
template <typename T>
T* data_of(const torch::Tensor& x) {
  using Value = std::remove_const_t<T>;
  using InTorch =
      std::conditional_t<std::is_same_v<Value, float>, float,
                         std::conditional_t<std::is_same_v<Value, Half>, at::Half, at::BFloat16>>;
  return reinterpret_cast<T*>(x.data_ptr<InTorch>());
}

/// Every `step`-th channel from `first` on of an [N, C, H, W] channels-last tensor of T.
template <typename T>
Channels<T> channels_of(const torch::Tensor& x, int first, int step) {
  return {data_of<T>(x) + first, x.size(1), step};
}

/// The channels of `x` that a path with this source reads.
template <typename T>
Channels<const T> source_of(const torch::Tensor& x, Source source) {
  return channels_of<const T>(x, first_channel(source), channel_step(source));
}

template <typename T>
std::vector<T*> data_of(const std::vector<torch::Tensor>& tensors, std::size_t first,
                        std::size_t count) {
  std::vector<T*> data;
  for (std::size_t i = first; i < first + count; ++i) data.push_back(data_of<T>(tensors[i]));
  return data;
}

torch::Tensor empty_images(std::int64_t count, std::int64_t channels, std::int64_t size,
                           torch::ScalarType type) {
  return torch::empty({count, channels, size, size},
                      torch::TensorOptions(type).memory_format(torch::MemoryFormat::ChannelsLast));
}

/// Makes a copy of `pixels` pixels, if there is one to make, and forgets it.
template <typename T>
void write(ConvChains::Copy<T>& copy, std::int64_t pixels) {
  if (copy.channels == 0) return;
  conv_chains().write(copy.channels, pixels, copy.from, {}, ConvChains::OutputOf<T>{.to = copy.to});
  copy = {};
}

/// Runs the paths of `block` on `x`, a tensor of T. `run(path, slot, in, out)` writes the activated
/// output of the units of one path, whose first unit has index `slot`, and also makes the copy that
/// `out` asks for: the output of a path without units.
template <typename T, typename Run>
torch::Tensor walk(const ConvBlock& block, const torch::Tensor& x, Run run) {
  const std::int64_t images = x.size(0);
  torch::Tensor y = empty_images(images, block.out_channels, block.out_size, x.scalar_type());
  const std::int64_t pixels = images * block.out_size * block.out_size;
  ConvChains::OutputOf<T> out;
  int offset = 0;
  std::size_t slot = 0;
  for (const ConvBlock::Path& path : block.paths) {
    const ConvChains::InputOf<T> in{.pixels = source_of<T>(x, path.source), .images = images};
    const auto to = channels_of<T>(y, offset, 1);
    offset += path.out_channels;
    if (path.units.empty()) {
      write(out.copy, pixels);
      out.copy = {.channels = path.out_channels, .from = in.pixels, .to = to};
      continue;
    }
    out.to = to;
    if (block.merge == Merge::AddInput) out.plus = in.pixels;
    run(path, slot, in, out);
    out = {};
    slot += path.units.size();
  }
  write(out.copy, pixels);
  return y;
}

/// The state that a forward pass keeps for the backward pass, owned by the autograd node. Units
/// are indexed by the slots of their weights.
struct ConvBlockTape : torch::CustomClassHolder {
  explicit ConvBlockTape(ConvBlock run) : block(std::move(run)) {}

  ConvBlock block;
  std::vector<torch::Tensor> outs;  ///< The output of every convolution, before its batch norm.
  std::vector<NormFactors> norms;
};

template <typename T>
torch::Tensor forward(const torch::Tensor& x, const std::vector<torch::Tensor>& weights,
                      ConvBlockTape& tape) {
  const ConvBlock& block = tape.block;
  const auto run = [&](const ConvBlock::Path& path, std::size_t slot,
                       const ConvChains::InputOf<T>& in, const ConvChains::OutputOf<T>& out) {
    const std::size_t count = path.units.size();
    for (const ConvUnit& unit : path.units) {
      tape.outs.push_back(torch::empty(
          {in.images * unit.shape.out_pixels(), unit.shape.out_channels}, x.scalar_type()));
    }
    const auto outs = data_of<T>(tape.outs, slot, count);
    for (const NormStatistics& statistics : conv_chains().forward<T>(
             path.units, in, data_of<const float>(weights, slot, count), outs, kBatchNormEpsilon)) {
      tape.norms.emplace_back(statistics, kBatchNormEpsilon);
    }
    conv_chains().write(path.out_channels, in.images * block.out_size * block.out_size,
                        {outs.back(), path.out_channels, 1},
                        tape.norms.back().activation(path.units.back().relu), out);
  };
  return walk<T>(block, x, run);
}

/// Gradients of the input (undefined unless `wants_in_gradient`) and of every weight.
template <typename T>
torch::autograd::variable_list backward(const torch::Tensor& x,
                                        const std::vector<torch::Tensor>& weights,
                                        const ConvBlockTape& tape, const torch::Tensor& y_gradient,
                                        bool wants_in_gradient) {
  const ConvBlock& block = tape.block;
  const std::int64_t images = x.size(0);
  ConvChains& chains = conv_chains();
  torch::autograd::variable_list gradients(1);
  for (const torch::Tensor& weight : weights) gradients.push_back(torch::empty_like(weight));
  CoveredChannels done;
  if (wants_in_gradient) {
    gradients[0] = empty_images(images, x.size(1), x.size(2), x.scalar_type());
    if (block.merge == Merge::AddInput) {
      gradients[0].copy_(y_gradient);
      done = {.even = true, .odd = true};
    }
  }
  const std::int64_t pixels = images * block.in_size * block.in_size;
  ConvChains::Copy<T> copy;  // The pending copy of a path without units.
  std::size_t slot = 0;
  int offset = 0;
  for (const ConvBlock::Path& path : block.paths) {
    const auto out = channels_of<const T>(y_gradient, offset, 1);
    offset += path.out_channels;
    Channels<T> to;
    bool accumulate = false;
    if (wants_in_gradient) {
      to = channels_of<T>(gradients[0], first_channel(path.source), channel_step(path.source));
      accumulate = done.overlap(path.source);
      done.add(path.source);
    }
    if (path.units.empty()) {
      if (!wants_in_gradient) continue;
      write(copy, pixels);
      if (accumulate) {
        chains.write(path.out_channels, pixels, out, {}, ConvChains::OutputOf<T>{.to = to}, true);
      } else {
        copy = {.channels = path.out_channels, .from = out, .to = to};
      }
      continue;
    }
    if (accumulate) write(copy, pixels);
    const std::size_t count = path.units.size();
    const auto weight_gradients = data_of<float>(gradients, 1 + slot, count);
    chains.backward<T>(path.units, {.pixels = source_of<T>(x, path.source), .images = images},
                       data_of<const float>(weights, slot, count),
                       data_of<const T>(tape.outs, slot, count),
                       std::span(tape.norms).subspan(slot, count),
                       {.out = out,
                        .in = to,
                        .accumulate = accumulate,
                        .weights = weight_gradients,
                        .copy = copy});
    copy = {};
    slot += count;
  }
  write(copy, pixels);
  return gradients;
}

struct ConvBlockFunction : torch::autograd::Function<ConvBlockFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::TensorList& weights,
                               const c10::intrusive_ptr<ConvBlockTape>& tape) {
    context->saved_data[kTape] = c10::IValue::make_capsule(tape);
    torch::autograd::variable_list saved{x};
    saved.insert(saved.end(), weights.begin(), weights.end());
    context->save_for_backward(std::move(saved));
    const auto run =
        x.scalar_type() == torch::kFloat ? hsconas::forward<float> : hsconas::forward<Bf16>;
    return run(x, weights.vec(), *tape);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list y_gradients) {
    const auto tape =
        c10::static_intrusive_pointer_cast<ConvBlockTape>(context->saved_data[kTape].toCapsule());
    auto saved = context->get_saved_variables();
    const torch::Tensor x = saved.front();
    saved.erase(saved.begin());
    const auto run =
        x.scalar_type() == torch::kFloat ? hsconas::backward<float> : hsconas::backward<Bf16>;
    auto gradients =
        run(x, saved, *tape, y_gradients[0].contiguous(torch::MemoryFormat::ChannelsLast),
            context->needs_input_grad(0));
    gradients.emplace_back();  // The tape has no gradient.
    return gradients;
  }

 private:
  static constexpr const char* kTape = "tape";
};

}  // namespace

std::optional<ConvGeometry> conv_geometry(const Primitive& primitive, bool needs_in_gradient) {
  const Primitive& p = primitive;
  if (p.kind != PrimitiveKind::Conv) return {};
  const bool depthwise = p.groups > 1 && p.groups == p.in_channels && p.groups == p.out_channels;
  if (p.groups > 1 && !depthwise) return {};
  const ConvGeometry shape{.in_channels = p.in_channels,
                           .out_channels = p.out_channels,
                           .kernel = p.kernel,
                           .stride = p.stride,
                           .depthwise = depthwise,
                           .in_size = p.in_size};
  if (!is_supported(shape, needs_in_gradient)) return {};
  return shape;
}

std::optional<ConvBlock> ConvBlock::from(const Block& block, bool needs_in_gradient) {
  ConvBlock result{.out_channels = block.out_channels,
                   .in_size = block.in_size,
                   .out_size = block.out_size,
                   .merge = block.merge};
  CoveredChannels read;
  for (const Block::Path& path : block.paths) {
    std::span<const Primitive> left = path.primitives;
    auto units = take_units(left, needs_in_gradient);
    if (!left.empty()) return {};
    const int in_channels = path.source == Source::All ? block.in_channels : block.in_channels / 2;
    const int out_channels = units.empty() ? in_channels : units.back().shape.out_channels;
    result.paths.push_back({path.source, std::move(units), in_channels, out_channels});
    read.add(path.source);
  }
  if (!read.even || !read.odd) return {};  // The gradient of unread channels would not be set.
  return result;
}

ConvBlock ConvBlock::leading(std::span<const Primitive>& primitives, bool needs_in_gradient) {
  ConvBlock block;
  auto units = take_units(primitives, needs_in_gradient);
  if (units.empty()) return block;
  const ConvGeometry& first = units.front().shape;
  const ConvGeometry& last = units.back().shape;
  block.out_channels = last.out_channels;
  block.in_size = first.in_size;
  block.out_size = last.out_size();
  block.paths.push_back({Source::All, std::move(units), first.in_channels, last.out_channels});
  return block;
}

bool ConvBlock::is_identity() const {
  return paths.size() == 1 && paths.front().units.empty();
}

std::size_t ConvBlock::unit_count() const {
  std::size_t count = 0;
  for (const Path& path : paths) count += path.units.size();
  return count;
}

torch::Tensor run_conv_block(ConvBlock block, const torch::Tensor& x,
                             const std::vector<torch::Tensor>& weights) {
  if (block.is_identity()) return x;
  return ConvBlockFunction::apply(x, torch::TensorList(weights),
                                  c10::make_intrusive<ConvBlockTape>(std::move(block)));
}

torch::Tensor run_conv_block(const ConvBlock& block, const torch::Tensor& x,
                             std::span<const PackedWeights> weights,
                             std::vector<NormStatistics>& seen) {
  if (block.is_identity()) return x;
  const auto run = [&](const ConvBlock::Path& path, std::size_t slot, const auto& in,
                       const auto& out) {
    auto own = conv_chains().calibrate(path.units, in, weights.subspan(slot, path.units.size()),
                                       kBatchNormEpsilon, out);
    std::move(own.begin(), own.end(), std::back_inserter(seen));
  };
  return x.scalar_type() == torch::kFloat ? walk<float>(block, x, run) : walk<Half>(block, x, run);
}

torch::Tensor run_conv_block(const ConvBlock& block, const torch::Tensor& x,
                             std::span<const PackedWeights> weights,
                             std::span<const NormFactors> norms) {
  if (block.is_identity()) return x;
  const auto run = [&](const ConvBlock::Path& path, std::size_t slot, const auto& in,
                       const auto& out) {
    const std::size_t count = path.units.size();
    conv_chains().apply(path.units, in, weights.subspan(slot, count), norms.subspan(slot, count),
                        out);
  };
  return x.scalar_type() == torch::kFloat ? walk<float>(block, x, run) : walk<Half>(block, x, run);
}

std::vector<NormStatistics> statistics_of_units(const ConvBlock& block, const torch::Tensor& x,
                                                std::span<const PackedWeights> weights) {
  const ConvBlock::Path& path = block.paths.front();
  const auto statistics = [&]<typename T>(T) {
    const ConvChains::InputOf<T> in{.pixels = source_of<T>(x, path.source), .images = x.size(0)};
    return conv_chains().calibrate(path.units, in, weights, kBatchNormEpsilon,
                                   ConvChains::OutputOf<T>{});
  };
  return x.scalar_type() == torch::kFloat ? statistics(0.0F) : statistics(Half{});
}

torch::Tensor average_pooled(const Primitive& p, const torch::Tensor& x) {
  const ConvGeometry shape{.in_channels = p.in_channels,
                           .out_channels = p.in_channels,
                           .kernel = p.kernel,
                           .stride = p.stride,
                           .depthwise = true,
                           .in_size = p.in_size};
  const bool is_float = x.scalar_type() == torch::kFloat;
  if (!is_supported(shape, false)) {
    return torch::avg_pool2d(x.to(torch::kFloat), p.kernel, p.stride, p.kernel / 2)
        .to(x.scalar_type());
  }
  // Runs the pooling as a depthwise convolution with equal weights.
  const std::vector<float> weights(static_cast<std::size_t>(p.in_channels * shape.taps()),
                                   1.0F / static_cast<float>(shape.taps()));
  const auto pack = is_float ? &PackedWeights::of<float> : &PackedWeights::of<Half>;
  const PackedWeights packed = pack(conv_chains().kernels(), shape, weights.data());
  const NormFactors none;
  ConvBlock block{.out_channels = p.in_channels, .in_size = p.in_size, .out_size = p.out_size};
  block.paths.push_back({Source::All, {{shape}}, p.in_channels, p.in_channels});
  return run_conv_block(block, x, {&packed, 1}, {&none, 1});
}

torch::Tensor average_of_pixels(const torch::Tensor& x) {
  const torch::Tensor y = torch::empty({x.size(0), x.size(1)});
  const auto average = [&]<typename T>(T) {
    conv_chains().average(static_cast<int>(x.size(1)), x.size(0), x.size(2) * x.size(3),
                          source_of<T>(x, Source::All), y.data_ptr<float>());
  };
  x.scalar_type() == torch::kFloat ? average(0.0F) : average(Half{});
  return y;
}

ConvChains& conv_chains() {
  thread_local std::map<int, ConvChains> chains;  // Key: number of threads.
  const int threads = runs_part() ? 1 : at::get_num_threads();
  return chains.try_emplace(threads, threads).first->second;
}

}  // namespace hsconas
