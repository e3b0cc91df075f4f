#include "hsconas/dance/dance_search.hpp"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/rng.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

constexpr int kRandomNetworks = 256;
constexpr double kNever = -1e9;  // Logit of probability 0; checkpoints need it to be finite.

LayerChoice choice_at(const SearchSpace& space, std::int64_t index) {
  const auto i = static_cast<int>(index);
  return {i / space.widths(), i % space.widths()};
}

std::int64_t index_of(const SearchSpace& space, LayerChoice choice) {
  return choice.op * space.widths() + choice.width;
}

}  // namespace

DanceSearch::DanceSearch(Supernet& supernet, const CostNetworks* costs, const DanceConfig& config,
                         std::uint64_t seed, torch::ScalarType precision)
    : supernet_(supernet), costs_(costs), config_(config), seed_(seed), precision_(precision) {
  const SearchSpace& space = supernet.space();
  const std::int64_t choices = std::int64_t{space.ops()} * space.widths();
  macs_ = torch::zeros({space.layers(), choices});
  exists_ = torch::zeros({space.layers(), choices}, torch::kBool);
  for (std::int64_t i = 0; i < choices; ++i) {
    const LayerChoice choice = choice_at(space, i);
    const Architecture canonical = space.canonical(space.uniform(choice.op, choice.width));
    for (int layer = 0; layer < space.layers(); ++layer) {
      macs_[layer][i] = static_cast<double>(cost_of(space.block(layer, choice)).macs);
      exists_[layer][i] = canonical[static_cast<std::size_t>(layer)] == choice;
    }
  }
  alpha_ = torch::zeros_like(macs_).masked_fill_(exists_.logical_not(), kNever);
  moments_ = {torch::zeros_like(alpha_), torch::zeros_like(alpha_)};

  const torch::NoGradGuard guard;
  Rng rng(seed, "dance unit");
  double sum = 0.0;
  for (int i = 0; i < kRandomNetworks; ++i) {
    const Architecture arch = space.canonical(sample(Subspace::full(space), rng));
    sum += penalty(one_hot(arch), {}).item<double>();
  }
  if (sum > 0.0) unit_ = sum / kRandomNetworks;
}

torch::Tensor DanceSearch::gumbel(const char* stream, std::int64_t step,
                                  const std::vector<std::int64_t>& shape) const {
  Rng rng(seed_, stream, static_cast<std::uint64_t>(step));
  torch::Tensor noise = torch::empty(shape, torch::kFloat);
  float* at = noise.data_ptr<float>();
  for (std::int64_t i = 0; i < noise.numel(); ++i) {
    at[i] = static_cast<float>(-std::log(-std::log(rng.uniform(1e-12, 1.0))));
  }
  return noise;
}

Architecture DanceSearch::decode(const torch::Tensor& scores) const {
  const torch::Tensor chosen = scores.argmax(1);
  Architecture arch;
  for (std::int64_t layer = 0; layer < chosen.size(0); ++layer) {
    arch.push_back(choice_at(supernet_.space(), chosen[layer].item<std::int64_t>()));
  }
  return arch;
}

torch::Tensor DanceSearch::one_hot(const Architecture& arch) const {
  torch::Tensor choices = torch::zeros_like(macs_);
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    choices[static_cast<std::int64_t>(layer)][index_of(supernet_.space(), arch[layer])] = 1.0;
  }
  return choices;
}

torch::Tensor DanceSearch::penalty(const torch::Tensor& choices, const torch::Tensor& noise) const {
  if (config_.penalty == Penalty::None) return torch::zeros({});
  if (config_.penalty == Penalty::Macs) return (choices * macs_).sum() / unit_;
  return costs_->cost(choices.reshape({1, -1}), noise, config_.temperature, true).sum() / unit_;
}

std::deque<TrainingPath> DanceSearch::paths() const {
  const SearchSpace& space = supernet_.space();
  std::deque<TrainingPath> all;
  for (std::int64_t i = 0; i < alpha_.size(1); ++i) {
    const LayerChoice choice = choice_at(space, i);
    TrainingPath& path =
        all.emplace_back(supernet_, space.uniform(choice.op, choice.width), precision_);
    for (auto& slice : path.slices()) slice.leaf.set_requires_grad(false);
  }
  return all;
}

torch::Tensor DanceSearch::mixed_logits(std::deque<TrainingPath>& paths,
                                        const torch::Tensor& images,
                                        const torch::Tensor& choices) const {
  const SearchSpace& space = supernet_.space();
  torch::Tensor x = paths.front().forward_block(0, images);
  for (int layer = 0; layer < space.layers(); ++layer) {
    torch::Tensor mixed;
    for (std::int64_t i = 0; i < choices.size(1); ++i) {
      if (!exists_[layer][i].item<bool>()) continue;
      auto& path = paths[static_cast<std::size_t>(i)];
      // In fp32, because the gradient of a choice is a sum over a whole layer.
      const torch::Tensor part =
          path.forward_block(static_cast<std::size_t>(layer) + 1, x).to(torch::kFloat) *
          choices[layer][i];
      mixed = mixed.defined() ? mixed + part : part;
    }
    x = mixed;
  }
  return paths.front().forward_block(static_cast<std::size_t>(space.layers()) + 1, x);
}

Architecture DanceSearch::path(std::int64_t step) const {
  return decode(alpha_ + gumbel("dance path", step, alpha_.sizes().vec()));
}

DanceSearch::Losses DanceSearch::update(const Batch& batch, double penalty_weight,
                                        std::int64_t update) {
  const torch::Device device = supernet_.device();
  if (supernet_.space().description().head.dropout > 0.0) {
    torch::manual_seed(Rng(seed_, "dance dropout", static_cast<std::uint64_t>(update)).next());
  }
  const torch::Tensor alpha = alpha_.detach().clone().set_requires_grad(true);
  const torch::Tensor noise = gumbel("dance choices", update, alpha_.sizes().vec());
  const torch::Tensor choices = hardened(torch::softmax((alpha + noise) / config_.temperature, 1));
  std::deque<TrainingPath> paths = this->paths();  // Must live until the end of the backward pass.
  const torch::Tensor error = torch::cross_entropy_loss(
      mixed_logits(paths, batch.images.to(device), choices.to(device)), batch.labels.to(device));
  const torch::Tensor design_noise =
      config_.penalty == Penalty::Cost
          ? gumbel("dance design", update, {1, costs_->hardware_size()})
          : torch::Tensor();
  const torch::Tensor cost = penalty(choices, design_noise);
  (error.cpu() + penalty_weight * cost).backward();
  // DARTS (Liu et al., 2019) uses this beta1 for architecture parameters: little momentum.
  constexpr double kBeta1 = 0.5;
  adam_step(alpha_, alpha.grad(), moments_, config_.choice_lr, update, kBeta1);
  return {error.item<double>(), cost.item<double>()};
}

Architecture DanceSearch::best() const {
  return decode(alpha_);
}

std::vector<std::vector<double>> DanceSearch::probabilities() const {
  const torch::Tensor all = torch::softmax(alpha_, 1).to(torch::kDouble).contiguous();
  std::vector<std::vector<double>> rows;
  for (std::int64_t layer = 0; layer < all.size(0); ++layer) {
    const double* row = all.data_ptr<double>() + layer * all.size(1);
    rows.emplace_back(row, row + all.size(1));
  }
  return rows;
}

std::map<std::string, torch::Tensor> DanceSearch::tensors() const {
  return {{"alpha", alpha_}, {"alpha.first", moments_.first}, {"alpha.second", moments_.second}};
}

}  // namespace hsconas
