#include "hsconas/dance/dance_search.hpp"

#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/rng.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

constexpr int kRandomNetworks = 256;

}  // namespace

DanceSearch::DanceSearch(Supernet& supernet, const CostNetworks* costs, const DanceConfig& config,
                         std::uint64_t seed, torch::ScalarType precision)
    : mixture_(supernet, seed, "dance", precision), costs_(costs), config_(config) {
  const SearchSpace& space = supernet.space();
  macs_ = torch::zeros_like(mixture_.logits());
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (std::int64_t i = 0; i < macs_.size(1); ++i) {
      macs_[layer][i] = static_cast<double>(cost_of(space.block(layer, choice_at(space, i))).macs);
    }
  }

  const torch::NoGradGuard guard;
  Rng rng(seed, "dance unit");
  double sum = 0.0;
  for (int i = 0; i < kRandomNetworks; ++i) {
    const Architecture arch = space.canonical(sample(Subspace::full(space), rng));
    sum += penalty(mixture_.one_hot(arch), {}).item<double>();
  }
  if (sum > 0.0) unit_ = sum / kRandomNetworks;
}

torch::Tensor DanceSearch::penalty(const torch::Tensor& choices, const torch::Tensor& noise) const {
  if (config_.penalty == Penalty::None) return torch::zeros({});
  if (config_.penalty == Penalty::Macs) return (choices * macs_).sum() / unit_;
  return costs_->cost(choices.reshape({1, -1}), noise, config_.temperature, true).sum() / unit_;
}

DanceSearch::Losses DanceSearch::update(const Batch& batch, double penalty_weight,
                                        std::int64_t update) {
  if (mixture_.supernet().space().description().head.dropout > 0.0) {
    torch::manual_seed(
        Rng(mixture_.seed(), "dance dropout", static_cast<std::uint64_t>(update)).next());
  }
  const torch::Tensor alpha = mixture_.logits().detach().clone().set_requires_grad(true);
  const torch::Tensor noise = mixture_.gumbel("choices", update, alpha.sizes().vec());
  const torch::Tensor choices = hardened(torch::softmax((alpha + noise) / config_.temperature, 1));
  const std::vector<Architecture> all = mixture_.all_choices();
  std::deque<TrainingPath> paths = mixture_.open(all);
  const torch::Tensor error = mixture_.error(all, paths, batch, choices);
  const torch::Tensor design_noise =
      config_.penalty == Penalty::Cost
          ? mixture_.gumbel("design", update, {1, costs_->hardware_size()})
          : torch::Tensor();
  const torch::Tensor cost = penalty(choices, design_noise);
  (error.cpu() + penalty_weight * cost).backward();
  mixture_.step(alpha.grad(), config_.choice_lr, update);
  return {error.item<double>(), cost.item<double>()};
}

}  // namespace hsconas
