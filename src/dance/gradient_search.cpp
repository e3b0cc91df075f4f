#include "hsconas/dance/gradient_search.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/rng.hpp"
#include "hsconas/config/supernet_methods.hpp"
#include "hsconas/dance/cost_networks.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

constexpr int kLatencySamples = 256;
constexpr double kInitialSpread = 1e-3;

double mean_latency(const SearchSpace& space, const LatencyModel& latency, std::uint64_t seed) {
  Rng rng(seed, "gradient unit");
  double sum = 0.0;
  for (int i = 0; i < kLatencySamples; ++i) {
    sum += latency.predict_ms(sample(Subspace::full(space), rng));
  }
  return sum / kLatencySamples;
}

}  // namespace

HeldOutBatches::HeldOutBatches(std::vector<Batch> images, std::int64_t size, std::uint64_t seed)
    : images_(std::move(images)), seed_(seed) {
  for (std::size_t batch = 0; batch < images_.size(); ++batch) {
    for (std::int64_t row = 0; row < images_[batch].labels.size(0); ++row) {
      places_.emplace_back(batch, row);
    }
  }
  size_ = std::min<std::int64_t>(size, std::ssize(places_));
}

Batch HeldOutBatches::at(std::int64_t index) const {
  const std::int64_t per_pass = std::ssize(places_) / size_;
  std::vector<std::size_t> order(places_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Rng rng(seed_, "held-out order", static_cast<std::uint64_t>(index / per_pass));
  rng.shuffle(std::span(order));
  std::vector<torch::Tensor> images;
  std::vector<torch::Tensor> labels;
  const auto first = static_cast<std::size_t>(index % per_pass * size_);
  for (std::size_t i = first; i < first + static_cast<std::size_t>(size_); ++i) {
    const auto [batch, row] = places_[order[i]];
    images.push_back(images_[batch].images[row]);
    labels.push_back(images_[batch].labels[row]);
  }
  return {torch::stack(images).contiguous(torch::MemoryFormat::ChannelsLast), torch::stack(labels)};
}

/// What an update draws: the choices that run and their noise.
struct GradientSearch::Draw {
  std::vector<Architecture> archs;  ///< One per operator.
  std::deque<TrainingPath> paths;
  torch::Tensor runs;   ///< [layers, choices], bool.
  torch::Tensor noise;  ///< [layers, choices].
  double temperature = 1.0;
};

GradientSearch::GradientSearch(Supernet& supernet, const SupernetStageConfig& config,
                               const LatencyModel& latency, std::uint64_t seed,
                               torch::ScalarType precision)
    : config_(config.gradient), mixture_(supernet, seed, "gradient", precision) {
  const SupernetMethod& method = find_supernet_method(config.method);
  if (method.uses_training_loss) training_weight_ = 1.0;
  if (method.uses_held_out_loss) {
    held_out_weight_ = method.uses_training_loss ? config_.held_out_weight : 1.0;
  }
  const SearchSpace& space = supernet.space();
  Rng rng(seed, "gradient start");
  torch::Tensor noise = torch::empty_like(mixture_.logits());
  float* at = noise.data_ptr<float>();
  for (std::int64_t i = 0; i < noise.numel(); ++i) {
    at[i] = static_cast<float>(kInitialSpread * rng.normal());
  }
  torch::Tensor(mixture_.logits()).add_(noise * mixture_.exists());

  if (config_.latency_weight == 0.0) return;
  const double unit = mean_latency(space, latency, seed);
  if (unit <= 0.0) return;
  Architecture arch = space.uniform(0, 0);
  const double first_ms = latency.predict_ms(arch);
  fixed_latency_ = first_ms / unit;
  latency_ = torch::zeros_like(mixture_.logits());
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    for (std::int64_t i = 0; i < latency_.size(1); ++i) {
      arch[layer] = choice_at(space, i);
      latency_[static_cast<std::int64_t>(layer)][i] = (latency.predict_ms(arch) - first_ms) / unit;
    }
    arch[layer] = {0, 0};
  }
}

std::vector<Architecture> GradientSearch::one_per_operator(std::int64_t update) const {
  const SearchSpace& space = mixture_.supernet().space();
  Rng rng(mixture_.seed(), "gradient widths", static_cast<std::uint64_t>(update));
  std::vector<Architecture> archs;
  for (int op = 0; op < space.ops(); ++op) {
    Architecture arch = space.uniform(op);
    for (LayerChoice& choice : arch) {
      choice.width = static_cast<int>(rng.index(static_cast<std::size_t>(space.widths())));
    }
    archs.push_back(space.canonical(std::move(arch)));
  }
  return archs;
}

torch::Tensor GradientSearch::choices(const Draw& draw, const torch::Tensor& alpha) const {
  constexpr double kDoesNotRun = -1e9;
  const torch::Tensor logits =
      ((alpha + draw.noise) / draw.temperature).masked_fill(draw.runs.logical_not(), kDoesNotRun);
  return hardened(torch::softmax(logits, 1));
}

double GradientSearch::add_loss(Draw& draw, const Batch& batch, double weight,
                                torch::Tensor& gradient) const {
  const torch::Tensor alpha = mixture_.logits().detach().clone().set_requires_grad(true);
  const torch::Tensor loss = mixture_.error(draw.archs, draw.paths, batch, choices(draw, alpha));
  loss.backward();
  gradient.add_(alpha.grad(), weight);
  return loss.item<double>();
}

double GradientSearch::add_latency(const Draw& draw, torch::Tensor& gradient) const {
  if (!latency_.defined()) return 0.0;
  const torch::Tensor alpha = mixture_.logits().detach().clone().set_requires_grad(true);
  const torch::Tensor latency = (choices(draw, alpha) * latency_).sum() + fixed_latency_;
  latency.backward();
  gradient.add_(alpha.grad(), config_.latency_weight);
  return latency.item<double>();
}

GradientSearch::Losses GradientSearch::update(const Batch& training, const Batch& held_out,
                                              std::int64_t update, double done) {
  if (mixture_.supernet().space().description().head.dropout > 0.0) {
    torch::manual_seed(
        Rng(mixture_.seed(), "gradient dropout", static_cast<std::uint64_t>(update)).next());
  }
  Draw draw{.archs = one_per_operator(update), .paths = {}, .runs = {}, .noise = {}};
  draw.paths = mixture_.open(draw.archs);
  draw.runs = torch::zeros_like(mixture_.exists());
  for (const Architecture& arch : draw.archs) {
    draw.runs.logical_or_(mixture_.one_hot(arch).to(torch::kBool));
  }
  draw.runs.logical_and_(mixture_.exists());
  draw.noise = mixture_.gumbel("choices", update, draw.runs.sizes().vec());
  draw.temperature = config_.temperature + done * (config_.final_temperature - config_.temperature);

  torch::Tensor gradient =
      config_.choice_decay * mixture_.logits().masked_fill(mixture_.exists().logical_not(), 0.0);
  Losses losses;
  if (training_weight_ > 0.0) {
    losses.training = add_loss(draw, training, training_weight_, gradient);
  }
  if (held_out_weight_ > 0.0) {
    losses.held_out = add_loss(draw, held_out, held_out_weight_, gradient);
  }
  losses.latency = add_latency(draw, gradient);
  mixture_.step(gradient, config_.choice_lr, update);
  return losses;
}

bool is_collapsed(const SearchSpace& space, const Architecture& arch) {
  bool can_skip = false;
  for (int layer = 0; layer < space.layers(); ++layer) {
    bool has_skip = false;
    for (int op = 0; op < space.ops(); ++op) {
      has_skip |= space.mid_channels(layer, {.op = op, .width = 0}) == 0;
    }
    if (!has_skip) continue;
    can_skip = true;
    if (space.mid_channels(layer, arch[static_cast<std::size_t>(layer)]) != 0) return false;
  }
  return can_skip;
}

}  // namespace hsconas
