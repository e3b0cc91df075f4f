#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <torch/optim/sgd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/loader/loader.hpp"
#include "hsconas/supernet/supernet.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "hsconas/train/supernet_evaluator.hpp"

namespace hsconas {

/// The baseline of the benchmarks ("plain side"): a supernet as it is usually written. It is
/// channels-first and uses ordinary torch operations and autograd. Every convolution runs at full
/// width, and the channels behind the sampled width are multiplied by 0. Training uses torch's SGD
/// over all parameters; scoring recomputes the running statistics of batch norm for each candidate,
/// with momentum, batch by batch. A test checks that it computes the same as our supernet.
class PlainSupernet {
 public:
  struct Settings {
    double lr = 0.1;
    double momentum = 0.9;
    double weight_decay = 4e-5;
    double label_smoothing = 0.1;
  };

  /// Copies the weights of `supernet`, on its device, where images and labels must be too.
  PlainSupernet(const Supernet& supernet, const Settings& settings)
      : space_(supernet.space()), settings_(settings) {
    std::vector<torch::Tensor> all;
    std::vector<torch::Tensor> free_of_decay;
    for (int position = 0; position < space_.layers() + 2; ++position) {
      auto& ops = weights_.emplace_back();
      const bool is_layer = position > 0 && position <= space_.layers();
      for (int op = 0; op < (is_layer ? space_.ops() : 1); ++op) {
        auto& weights = ops.emplace_back();
        for (const Parameter& parameter : supernet.parameters(position, op)) {
          weights.push_back(parameter.value.detach()
                                .clone(torch::MemoryFormat::Contiguous)
                                .set_requires_grad(true));
          (parameter.decays ? all : free_of_decay).push_back(weights.back());
        }
      }
    }
    const auto options = torch::optim::SGDOptions(settings.lr)
                             .momentum(settings.momentum)
                             .weight_decay(settings.weight_decay);
    optimizer_ = std::make_unique<torch::optim::SGD>(all, options);
    if (!free_of_decay.empty()) {
      auto own = std::make_unique<torch::optim::SGDOptions>(options);
      own->weight_decay(0.0);
      optimizer_->add_param_group({free_of_decay, std::move(own)});
    }
  }

  void set_lr(double lr) {
    for (auto& group : optimizer_->param_groups()) {
      static_cast<torch::optim::SGDOptions&>(group.options()).lr(lr);
    }
  }

  /// Makes one training step and returns the loss before it.
  torch::Tensor step(const Architecture& arch, const Batch& batch) {
    optimizer_->zero_grad();
    const torch::Tensor loss =
        torch::cross_entropy_loss(forward(arch, batch.images, nullptr, true), batch.labels, {},
                                  at::Reduction::Mean, -100, settings_.label_smoothing);
    loss.backward();
    // Gradients of paths that were not sampled stay undefined, so that SGD skips their weights.
    optimizer_->step();
    for (auto& group : optimizer_->param_groups()) {
      for (auto& parameter : group.params()) parameter.mutable_grad() = torch::Tensor();
    }
    return loss.detach();
  }

  torch::Tensor logits(const Architecture& arch, const torch::Tensor& images) const {
    return forward(arch, images, nullptr, true);
  }

  /// How running statistics are updated: with momentum 0.1, or so that they become the mean over
  /// all batches (torch's momentum=None).
  enum class Running { Momentum, Mean };

  /// Accuracy on `validation` after recalibrating on `calibration`.
  double accuracy(const Architecture& arch, const std::vector<Batch>& calibration,
                  const std::vector<Batch>& validation, Running kind = Running::Momentum) const {
    const torch::NoGradGuard guard;
    Statistics running;
    double batches = 0.0;
    for (const Batch& batch : calibration) {
      running.next = 0;
      running.momentum = kind == Running::Mean ? 1.0 / ++batches : 0.1;
      forward(arch, batch.images, &running, true);
    }
    Tally tally;
    for (const Batch& batch : validation) {
      running.next = 0;
      const torch::Tensor classes = forward(arch, batch.images, &running, false).argmax(1);
      tally += {.right = classes.eq(batch.labels).sum().item<std::int64_t>(),
                .total = batch.labels.size(0)};
    }
    return tally.accuracy();
  }

  /// The weights in the order of Supernet::parameters().
  const std::vector<torch::Tensor>& weights(int position, int op) const {
    return weights_.at(static_cast<std::size_t>(position)).at(static_cast<std::size_t>(op));
  }

 private:
  /// Running mean and variance of every batch norm, in the order of the forward pass.
  struct Statistics {
    std::vector<torch::Tensor> mean;
    std::vector<torch::Tensor> variance;
    std::size_t next = 0;
    double momentum = 0.1;
  };

  static torch::Tensor normalised(const torch::Tensor& x, Statistics* running, bool training) {
    if (running == nullptr) {
      return torch::batch_norm(x, {}, {}, {}, {}, true, 0.1, kBatchNormEpsilon, true);
    }
    if (running->next == running->mean.size()) {
      running->mean.push_back(torch::zeros({x.size(1)}, x.device()));
      running->variance.push_back(torch::ones({x.size(1)}, x.device()));
    }
    const std::size_t i = running->next++;
    return torch::batch_norm(x, {}, {}, running->mean[i], running->variance[i], training,
                             running->momentum, kBatchNormEpsilon, true);
  }

  static torch::Tensor channels(const torch::Tensor& x, Source source) {
    if (source == Source::All) return x;
    return x.slice(1, source == Source::EvenChannels ? 0 : 1, x.size(1), 2).contiguous();
  }

  static torch::Tensor shuffled(const torch::Tensor& x, std::int64_t groups) {
    const auto n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
    return x.view({n, groups, c / groups, h, w}).transpose(1, 2).reshape({n, c, h, w});
  }

  torch::Tensor forward(const Architecture& arch, const torch::Tensor& images, Statistics* running,
                        bool training) const {
    const auto& description = space_.description();
    torch::Tensor x = images.contiguous();
    x = torch::conv2d(x, weights_.front()[0].at(0), {}, description.stem.stride,
                      description.stem.kernel / 2);
    x = torch::relu(normalised(x, running, training));
    for (int layer = 0; layer < space_.layers(); ++layer) {
      x = run_layer(layer, arch[static_cast<std::size_t>(layer)], x, running, training);
    }
    const auto& head = weights_.back()[0];
    x = torch::relu(normalised(torch::conv2d(x, head.at(0)), running, training)).mean({2, 3});
    return torch::linear(x, head.at(1), description.head.bias ? head.at(2) : torch::Tensor());
  }

  torch::Tensor run_layer(int layer, LayerChoice choice, const torch::Tensor& input,
                          Statistics* running, bool training) const {
    const Operator& op = space_.op(choice.op);
    const bool keeps = space_.shape(layer).keeps_shape();
    const BlockTemplate& pattern = keeps ? op.same_shape : op.changed_shape;
    const Block widest = space_.widest_block(layer, choice.op);
    const int mid = space_.mid_channels(layer, choice);
    const auto& weights =
        weights_[static_cast<std::size_t>(layer) + 1][static_cast<std::size_t>(choice.op)];
    std::size_t slot = 0;
    std::vector<torch::Tensor> outputs;
    for (std::size_t i = 0; i < pattern.branches.size(); ++i) {
      torch::Tensor x = channels(input, pattern.branches[i].source);
      bool is_mid = false;
      for (std::size_t k = 0; k < pattern.branches[i].steps.size(); ++k) {
        const Step& step = pattern.branches[i].steps[k];
        const Primitive& p = widest.paths[i].primitives[k];
        if (step.kind == PrimitiveKind::Conv) {
          x = torch::conv2d(x, weights.at(slot++), {}, p.stride, p.kernel / 2, 1, p.groups);
          is_mid = step.out == Width::Mid;
        } else if (step.kind == PrimitiveKind::BatchNorm) {
          x = normalised(x, running, training);
        } else if (step.kind == PrimitiveKind::Relu) {
          x = torch::relu(x);
        } else if (step.kind == PrimitiveKind::AvgPool) {
          x = torch::avg_pool2d(x, p.kernel, p.stride, p.kernel / 2);
        } else {
          x = shuffled(x, p.groups);
        }
        if (is_mid && step.kind == PrimitiveKind::BatchNorm) x = x * mask(x, mid);
      }
      outputs.push_back(x);
    }
    return pattern.merge == Merge::AddInput ? outputs.at(0) + input : torch::cat(outputs, 1);
  }

  /// A mask that is 1 for the first `kept` channels of `x` and 0 for the others; cached.
  torch::Tensor mask(const torch::Tensor& x, std::int64_t kept) const {
    torch::Tensor& mask = masks_[{x.size(1), kept}];
    if (!mask.defined()) {
      mask = torch::arange(x.size(1), x.device()).lt(kept).to(torch::kFloat).view({1, -1, 1, 1});
    }
    return mask;
  }

  const SearchSpace& space_;
  Settings settings_;
  std::vector<std::vector<std::vector<torch::Tensor>>> weights_;  ///< [position][op][slot]
  std::unique_ptr<torch::optim::SGD> optimizer_;
  mutable std::map<std::pair<std::int64_t, std::int64_t>, torch::Tensor> masks_;
};

}  // namespace hsconas
