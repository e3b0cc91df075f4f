#include "hsconas/dance/choice_mixture.hpp"

#include <cmath>

#include <torch/types.h>

#include "hsconas/base/rng.hpp"

namespace hsconas {

namespace {

constexpr double kNever = -1e9;  // Logit of probability 0; checkpoints need it to be finite.

}  // namespace

std::int64_t column_of(const SearchSpace& space, LayerChoice choice) {
  return std::int64_t{choice.op} * space.widths() + choice.width;
}

LayerChoice choice_at(const SearchSpace& space, std::int64_t column) {
  const auto i = static_cast<int>(column);
  return {i / space.widths(), i % space.widths()};
}

ChoiceMixture::ChoiceMixture(Supernet& supernet, std::uint64_t seed, std::string_view stream,
                             torch::ScalarType precision)
    : supernet_(supernet), seed_(seed), stream_(stream), precision_(precision) {
  const SearchSpace& space = supernet.space();
  const std::int64_t choices = std::int64_t{space.ops()} * space.widths();
  exists_ = torch::zeros({space.layers(), choices}, torch::kBool);
  for (std::int64_t i = 0; i < choices; ++i) {
    const LayerChoice choice = choice_at(space, i);
    const Architecture canonical = space.canonical(space.uniform(choice.op, choice.width));
    for (int layer = 0; layer < space.layers(); ++layer) {
      exists_[layer][i] = canonical[static_cast<std::size_t>(layer)] == choice;
    }
  }
  logits_ = torch::zeros({space.layers(), choices}).masked_fill_(exists_.logical_not(), kNever);
  moments_ = {torch::zeros_like(logits_), torch::zeros_like(logits_)};
}

torch::Tensor ChoiceMixture::gumbel(std::string_view use, std::int64_t step,
                                    const std::vector<std::int64_t>& shape) const {
  Rng rng(seed_, stream_ + ' ' + std::string(use), static_cast<std::uint64_t>(step));
  torch::Tensor noise = torch::empty(shape, torch::kFloat);
  float* at = noise.data_ptr<float>();
  for (std::int64_t i = 0; i < noise.numel(); ++i) {
    at[i] = static_cast<float>(-std::log(-std::log(rng.uniform(1e-12, 1.0))));
  }
  return noise;
}

Architecture ChoiceMixture::decode(const torch::Tensor& scores) const {
  const torch::Tensor chosen = scores.argmax(1);
  Architecture arch;
  for (std::int64_t layer = 0; layer < chosen.size(0); ++layer) {
    arch.push_back(choice_at(supernet_.space(), chosen[layer].item<std::int64_t>()));
  }
  return arch;
}

torch::Tensor ChoiceMixture::one_hot(const Architecture& arch) const {
  torch::Tensor choices = torch::zeros_like(logits_);
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    choices[static_cast<std::int64_t>(layer)][column_of(supernet_.space(), arch[layer])] = 1.0;
  }
  return choices;
}

std::vector<Architecture> ChoiceMixture::all_choices() const {
  const SearchSpace& space = supernet_.space();
  std::vector<Architecture> all;
  for (std::int64_t i = 0; i < logits_.size(1); ++i) {
    const LayerChoice choice = choice_at(space, i);
    all.push_back(space.uniform(choice.op, choice.width));
  }
  return all;
}

std::deque<TrainingPath> ChoiceMixture::open(std::span<const Architecture> archs) const {
  std::deque<TrainingPath> paths;
  for (const Architecture& arch : archs) {
    TrainingPath& path = paths.emplace_back(supernet_, arch, precision_);
    for (auto& slice : path.slices()) slice.leaf.set_requires_grad(false);
  }
  return paths;
}

torch::Tensor ChoiceMixture::error(std::span<const Architecture> archs,
                                   std::deque<TrainingPath>& paths, const Batch& batch,
                                   const torch::Tensor& weights) const {
  const torch::Device device = supernet_.device();
  const torch::Tensor on_device = weights.to(device);
  const auto layers = static_cast<std::size_t>(supernet_.space().layers());
  torch::Tensor x = paths.front().forward_block(0, batch.images.to(device));
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const auto row = static_cast<std::int64_t>(layer);
    torch::Tensor mixed;
    for (std::size_t i = 0; i < archs.size(); ++i) {
      const std::int64_t choice = column_of(supernet_.space(), archs[i][layer]);
      if (!exists_[row][choice].item<bool>()) continue;
      // In fp32, because the gradient of a choice is a sum over a whole layer.
      const torch::Tensor part =
          paths[i].forward_block(layer + 1, x).to(torch::kFloat) * on_device[row][choice];
      mixed = mixed.defined() ? mixed + part : part;
    }
    x = mixed;
  }
  return torch::cross_entropy_loss(paths.front().forward_block(layers + 1, x),
                                   batch.labels.to(device));
}

Architecture ChoiceMixture::draw(std::int64_t step) const {
  return decode(logits_ + gumbel("path", step, logits_.sizes().vec()));
}

Architecture ChoiceMixture::best() const {
  return decode(logits_);
}

void ChoiceMixture::step(const torch::Tensor& gradient, double lr, std::int64_t step) {
  constexpr double kBeta1 = 0.5;
  adam_step(logits_, gradient, moments_, lr, step, kBeta1);
}

std::vector<std::vector<double>> ChoiceMixture::probabilities() const {
  const torch::Tensor all = torch::softmax(logits_, 1).to(torch::kDouble).contiguous();
  std::vector<std::vector<double>> rows;
  for (std::int64_t layer = 0; layer < all.size(0); ++layer) {
    const double* row = all.data_ptr<double>() + layer * all.size(1);
    rows.emplace_back(row, row + all.size(1));
  }
  return rows;
}

std::map<std::string, torch::Tensor> ChoiceMixture::tensors() const {
  return {{"alpha", logits_}, {"alpha.first", moments_.first}, {"alpha.second", moments_.second}};
}

}  // namespace hsconas
