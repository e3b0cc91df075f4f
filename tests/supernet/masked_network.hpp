#pragma once

#include <vector>

#include <torch/types.h>

#include "hsconas/supernet/supernet.hpp"

namespace hsconas {

/// An architecture of a supernet by the definition of dynamic channel scaling in HSCoNAS: every
/// convolution runs at full width, and after each batch norm and ReLU of inner width all channels
/// but the first `mid` are multiplied by 0. An independent reference for run_block(), written for
/// clarity: double precision, channels-first, batch norm by its formula.
class MaskedNetwork {
 public:
  MaskedNetwork(const Supernet& supernet, Architecture arch)
      : space_(supernet.space()), arch_(std::move(arch)) {
    for (int position = 0; position < space_.layers() + 2; ++position) {
      auto& leaves = leaves_.emplace_back();
      const int op = op_at(static_cast<std::size_t>(position), arch_);
      for (const Parameter& parameter : supernet.parameters(position, op)) {
        leaves.push_back(
            parameter.value.detach().cpu().to(torch::kDouble).contiguous().set_requires_grad(true));
      }
    }
  }

  torch::Tensor forward(const torch::Tensor& images) const {
    const auto& description = space_.description();
    torch::Tensor x = images.cpu().to(torch::kDouble).contiguous();
    x = torch::conv2d(x, leaves_.front().at(0), {}, description.stem.stride,
                      description.stem.kernel / 2);
    x = torch::relu(normalised(x));
    for (int layer = 0; layer < space_.layers(); ++layer) x = run_layer(layer, x);
    const auto& head = leaves_.back();
    x = torch::relu(normalised(torch::conv2d(x, head.at(0)))).mean({2, 3});
    x = torch::matmul(x, head.at(1).t());
    return description.head.bias ? x + head.at(2) : x;
  }

  /// Full-width weights in the order of TrainingPath::slices().
  std::vector<torch::Tensor> leaves() const {
    std::vector<torch::Tensor> all;
    for (const auto& block : leaves_) all.insert(all.end(), block.begin(), block.end());
    return all;
  }

 private:
  static torch::Tensor normalised(const torch::Tensor& x) {
    const torch::Tensor centred = x - x.mean({0, 2, 3}, true);
    return centred / (centred.pow(2).mean({0, 2, 3}, true) + 1e-5).sqrt();
  }

  static torch::Tensor channels(const torch::Tensor& x, Source source) {
    if (source == Source::All) return x;
    const std::int64_t first = source == Source::EvenChannels ? 0 : 1;
    return x.index_select(1, torch::arange(first, x.size(1), 2, torch::kLong));
  }

  static torch::Tensor shuffled(const torch::Tensor& x, std::int64_t groups) {
    std::vector<std::int64_t> from;
    for (std::int64_t i = 0; i < x.size(1) / groups; ++i) {
      for (std::int64_t group = 0; group < groups; ++group) {
        from.push_back(group * (x.size(1) / groups) + i);
      }
    }
    return x.index_select(1, torch::tensor(from));
  }

  torch::Tensor run_layer(int layer, const torch::Tensor& input) const {
    const LayerChoice choice = arch_[static_cast<std::size_t>(layer)];
    const Operator& op = space_.op(choice.op);
    const BlockTemplate& pattern =
        space_.shape(layer).keeps_shape() ? op.same_shape : op.changed_shape;
    const Block widest = space_.widest_block(layer, choice.op);
    const int mid = space_.mid_channels(layer, choice);
    std::size_t slot = 0;
    std::vector<torch::Tensor> outputs;
    for (std::size_t i = 0; i < pattern.branches.size(); ++i) {
      torch::Tensor x = channels(input, pattern.branches[i].source);
      bool is_mid = false;
      for (std::size_t k = 0; k < pattern.branches[i].steps.size(); ++k) {
        const Step& step = pattern.branches[i].steps[k];
        const Primitive& p = widest.paths[i].primitives[k];
        if (step.kind == PrimitiveKind::Conv) {
          x = torch::conv2d(x, leaves_[static_cast<std::size_t>(layer) + 1].at(slot++), {},
                            p.stride, p.kernel / 2, 1, p.groups);
          is_mid = step.out == Width::Mid;
        } else if (step.kind == PrimitiveKind::BatchNorm) {
          x = normalised(x);
        } else if (step.kind == PrimitiveKind::Relu) {
          x = torch::relu(x);
        } else if (step.kind == PrimitiveKind::AvgPool) {
          x = torch::avg_pool2d(x, p.kernel, p.stride, p.kernel / 2);
        } else {
          x = shuffled(x, p.groups);
        }
        if (is_mid && step.kind != PrimitiveKind::Conv) x = x * mask(x.size(1), mid);
      }
      outputs.push_back(x);
    }
    return pattern.merge == Merge::AddInput ? outputs.at(0) + input : torch::cat(outputs, 1);
  }

  static torch::Tensor mask(std::int64_t channels, std::int64_t kept) {
    return torch::arange(channels).lt(kept).to(torch::kDouble).view({1, -1, 1, 1});
  }

  const SearchSpace& space_;
  Architecture arch_;
  std::vector<std::vector<torch::Tensor>> leaves_;  ///< [position][slot]
};

}  // namespace hsconas
