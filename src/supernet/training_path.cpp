#include "hsconas/supernet/training_path.hpp"

#include <utility>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>

#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/supernet/run_block.hpp"

namespace hsconas {

/// A runner of run_block() for training: uses the leaves as weights and batch statistics, and
/// changes nothing in place.
struct TrainingRunner {
  TrainingPath& path;
  std::size_t position;

  const torch::Tensor& leaf(std::size_t slot, std::size_t offset = 0) const {
    return path.slices_[path.first_slice_[position][slot] + offset].leaf;
  }
  torch::Tensor conv(const Primitive& p, std::size_t slot, const torch::Tensor& x) const {
    return torch::conv2d(x, leaf(slot).to(path.precision_), {}, p.stride, p.kernel / 2, 1,
                         p.groups);
  }
  torch::Tensor linear(const Primitive& p, std::size_t slot, torch::Tensor x) const {
    if (path.dropout_ > 0.0) x = path.drop(x);
    // The classifier always runs in fp32: it is small, and its logits enter the loss.
    return torch::linear(x.to(torch::kFloat), leaf(slot),
                         p.has_bias ? leaf(slot, 1) : torch::Tensor());
  }
  static torch::Tensor batch_norm(const Primitive&, std::size_t, const torch::Tensor& x) {
    return torch::batch_norm(x, {}, {}, {}, {}, true, 0.0, kBatchNormEpsilon, true);
  }
  static torch::Tensor relu(const torch::Tensor& x) { return torch::relu(x); }
  std::size_t take_units(std::span<const Primitive>& primitives, std::size_t slot,
                         torch::Tensor& x) const {
    if (!path.has_kernels_) return 0;
    ConvBlock block = ConvBlock::leading(primitives, position > 0);
    const std::size_t units = block.unit_count();
    if (units > 0) x = path.run(std::move(block), position, slot, x);
    return units;
  }
};

TrainingPath::TrainingPath(Supernet& supernet, const Architecture& arch,
                           torch::ScalarType precision)
    : blocks_(supernet.space().network(arch)),
      precision_(precision),
      has_kernels_(supernet.device().is_cpu() &&
                   (precision == torch::kFloat || precision == torch::kBFloat16)),
      dropout_(supernet.space().description().head.dropout) {
  const auto add = [this](Parameter& parameter, const torch::Tensor& value,
                          const torch::Tensor& momentum) {
    // The leaf is a dense copy, so that its gradient is dense too and updates do not change it.
    torch::Tensor leaf = value.detach().clone(torch::MemoryFormat::Contiguous);
    leaf.set_requires_grad(true);
    slices_.push_back({value, momentum, std::move(leaf), parameter.decays});
  };
  for (std::size_t position = 0; position < blocks_.size(); ++position) {
    auto& parameters = supernet.parameters(static_cast<int>(position), op_at(position, arch));
    auto& first = first_slice_.emplace_back();
    std::size_t next = 0;
    for_each_weighted(blocks_[position], [&](const Primitive& p) {
      first.push_back(slices_.size());
      Parameter& weight = parameters[next++];
      add(weight, sliced(weight.value, p), sliced(weight.momentum, p));
      if (p.has_bias) {
        Parameter& bias = parameters[next++];
        add(bias, bias.value, bias.momentum);
      }
    });
  }
}

torch::Tensor TrainingPath::run(ConvBlock block, std::size_t position, std::size_t first_slot,
                                const torch::Tensor& x) const {
  std::vector<torch::Tensor> weights;
  for (std::size_t slot = first_slot; slot < first_slot + block.unit_count(); ++slot) {
    weights.push_back(slices_[first_slice_[position][slot]].leaf);
  }
  return run_conv_block(std::move(block), x.contiguous(torch::MemoryFormat::ChannelsLast), weights);
}

void TrainingPath::seed_dropout(std::uint64_t seed) {
  generator_ = at::make_generator<at::CPUGeneratorImpl>(seed);
}

torch::Tensor TrainingPath::drop(const torch::Tensor& x) const {
  if (!generator_) return torch::dropout(x, dropout_, true);
  const double kept = 1.0 - dropout_;
  return x * torch::empty_like(x).bernoulli_(kept, *generator_).div_(kept);
}

torch::Tensor TrainingPath::forward(const torch::Tensor& images) {
  torch::Tensor x = images;
  for (std::size_t position = 0; position < blocks_.size(); ++position) {
    x = forward_block(position, x);
  }
  return x;
}

torch::Tensor TrainingPath::forward_block(std::size_t position, const torch::Tensor& x) {
  // Makes the layout explicit: torch takes a one-channel image for channels-first and channels-last
  // at once.
  const torch::Tensor input = x.to(precision_).contiguous(torch::MemoryFormat::ChannelsLast);
  if (has_kernels_) {
    auto block = ConvBlock::from(blocks_[position], position > 0);
    if (block) return run(std::move(*block), position, 0, input);
  }
  TrainingRunner runner{*this, position};
  return run_block(blocks_[position], input, runner);
}

}  // namespace hsconas
