#include "hsconas/codesign/cost_networks.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <torch/torch.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/space/subspace.hpp"

namespace hsconas {

namespace {

constexpr int kLayers = 5;
constexpr std::int64_t kReferencePairs = 4096;
constexpr std::int64_t kTestPairs = 8192;
constexpr int kStepsPerReport = 50;

torch::Tensor normal(std::vector<std::int64_t> shape, double deviation, Rng& rng) {
  torch::Tensor values = torch::empty(shape, torch::kFloat);
  float* at = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    at[i] = static_cast<float>(deviation * rng.normal());
  }
  return values;
}

double cosine(double first, std::int64_t step, std::int64_t steps) {
  return first * 0.5 *
         (1.0 + std::cos(M_PI * static_cast<double>(step) / static_cast<double>(steps)));
}

std::array<double, 3> logs_of(const PairCost& cost, double area_mm2) {
  return {std::log(cost.ms), std::log(cost.energy), std::log(area_mm2)};
}

/// Equals torch::linear, [batch, in] -> [batch, out], but runs as a 1 x 1 convolution: oneDNN is
/// many times as fast as the plain BLAS of some LibTorch packages.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias) {
  const torch::Tensor pixels = x.unsqueeze(2).unsqueeze(3);
  return torch::conv2d(pixels, weight.unsqueeze(2).unsqueeze(3), bias).squeeze(3).squeeze(2);
}

}  // namespace

torch::Tensor hardened(const torch::Tensor& soft) {
  const torch::Tensor one_hot = torch::zeros_like(soft).scatter_(1, soft.argmax(1, true), 1.0);
  return one_hot + soft - soft.detach();
}

ResidualMlp::ResidualMlp(std::string name, std::int64_t inputs, std::int64_t width,
                         std::int64_t outputs, Rng& rng)
    : name_(std::move(name)) {
  for (int layer = 0; layer <= kLayers; ++layer) {
    const std::int64_t from = layer == 0 ? inputs : width;
    const std::int64_t to = layer == kLayers ? outputs : width;
    const double scale = layer == kLayers ? 0.1 : 1.0;
    weights_.push_back(normal({to, from}, scale * std::sqrt(2.0 / static_cast<double>(from)), rng));
    biases_.push_back(torch::zeros({to}));
  }
}

torch::Tensor ResidualMlp::forward(const torch::Tensor& x) const {
  torch::Tensor y = torch::relu(linear(x, weights_[0], biases_[0]));
  for (int layer = 1; layer < kLayers; ++layer) {
    const auto i = static_cast<std::size_t>(layer);
    y = y + torch::relu(linear(y, weights_[i], biases_[i]));
  }
  return linear(y, weights_[kLayers], biases_[kLayers]);
}

void ResidualMlp::set_trained(bool trained) {
  for (auto& [name, tensor] : tensors()) {
    torch::Tensor(tensor).set_requires_grad(trained);
    if (!trained) torch::Tensor(tensor).mutable_grad() = torch::Tensor();
  }
}

std::map<std::string, torch::Tensor> ResidualMlp::tensors() const {
  std::map<std::string, torch::Tensor> all;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    all[fmt::format("{}.{}.weight", name_, i)] = weights_[i];
    all[fmt::format("{}.{}.bias", name_, i)] = biases_[i];
  }
  return all;
}

void ResidualMlp::load(const std::map<std::string, torch::Tensor>& from) {
  for (auto& [name, tensor] : tensors()) {
    const auto it = from.find(name);
    if (it == from.end() || it->second.sizes() != tensor.sizes()) {
      throw Error(ErrorKind::Data, fmt::format("tensor {} is missing or of another shape", name));
    }
    const torch::NoGradGuard guard;
    torch::Tensor(tensor).copy_(it->second);
  }
}

void ResidualMlp::to(torch::ScalarType type) {
  for (auto* list : {&weights_, &biases_}) {
    for (torch::Tensor& tensor : *list) tensor = tensor.detach().to(type);
  }
}

/// Random pairs of network and design, encoded for the cost network.
struct CostNetworks::Pairs {
  torch::Tensor archs;     ///< [n, architecture_size()]
  torch::Tensor hardware;  ///< [n, hardware_size()]
  torch::Tensor logs;      ///< [n, 3], logarithms of the metrics relative to the reference.
};

/// Random networks with their best designs.
struct CostNetworks::Labels {
  std::vector<Architecture> networks;
  std::vector<double> least;  ///< Cost on the best design.
  torch::Tensor archs;        ///< [n, architecture_size()]
  torch::Tensor hardware;     ///< [n, hardware_size()], code of the best design.
  torch::Tensor choices;      ///< [n, axes], int64, coordinates of the best design.
  torch::Tensor logs;         ///< [n, 3], logarithms of the relative metrics on the best design.
};

/// Adam on a whole network, whose weights have gradients during the optimiser's lifetime.
class CostNetworks::Optimizer {
 public:
  Optimizer(ResidualMlp& network, std::map<std::string, AdamMoments>& moments)
      : network_(network), moments_(moments) {
    network.set_trained(true);
  }
  ~Optimizer() { network_.set_trained(false); }
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// `step` counts from 0.
  void step(const torch::Tensor& loss, double lr, std::int64_t step) {
    loss.backward();
    for (auto& [name, value] : network_.tensors()) {
      adam_step(value, value.grad(), moments_[name], lr, step);
      torch::Tensor(value).mutable_grad() = torch::Tensor();
    }
  }

 private:
  ResidualMlp& network_;
  std::map<std::string, AdamMoments>& moments_;
};

namespace {

std::int64_t code_size(const DesignSpace& designs) {
  std::size_t size = 0;
  for (const DesignAxis& axis : designs.axes()) size += axis.values.size();
  return static_cast<std::int64_t>(size);
}

ResidualMlp make_mlp(const char* name, std::int64_t inputs, int width, std::int64_t outputs,
                     std::uint64_t seed) {
  Rng rng(seed, std::string("dance ") + name);
  return {name, inputs, width, outputs, rng};
}

}  // namespace

CostNetworks::CostNetworks(const SearchSpace& space, const DesignSpace& designs,
                           const PairCostModel& costs, const DanceConfig& config,
                           std::uint64_t seed, bool forwards)
    : space_(space),
      designs_(designs),
      costs_(costs),
      config_(config),
      seed_(seed),
      forwards_(forwards),
      areas_(areas_of(designs.designs())),
      architecture_size_(std::int64_t{space.layers()} * space.ops() * space.widths()),
      hardware_size_(code_size(designs)),
      cost_(config, geometric_means()),
      cost_network_(make_mlp("cost", architecture_size_ + (forwards ? hardware_size_ : 0),
                             config.cost_width, 3, seed)),
      generator_(make_mlp("generator", architecture_size_, config.generator_width, hardware_size_,
                          seed)) {}

Architecture CostNetworks::random_network(Rng& rng, Draw draw) const {
  Architecture arch = sample(Subspace::full(space_), rng);
  if (draw == Draw::ToLearn && rng.chance(0.5)) {
    constexpr double kSpread = 2.0;  // Standard deviation of the logarithms of preferences.
    std::vector<double> reach;       // Cumulative sums of the preferences.
    for (int op = 0; op < space_.ops(); ++op) {
      reach.push_back((reach.empty() ? 0.0 : reach.back()) + std::exp(kSpread * rng.normal()));
    }
    for (LayerChoice& choice : arch) {
      const auto at =
          std::upper_bound(reach.begin(), reach.end() - 1, rng.uniform(0.0, reach.back()));
      choice.op = static_cast<int>(at - reach.begin());
    }
  }
  return space_.canonical(arch);
}

Metrics CostNetworks::geometric_means() {
  Rng rng(seed_, "dance reference");
  std::array<std::vector<double>, 3> logs;
  for (std::int64_t i = 0; i < kReferencePairs; ++i) {
    const std::size_t design = rng.index(areas_.size());
    const PairCost cost = costs_.cost(random_network(rng, Draw::ToJudge), design);
    if (!std::isfinite(cost.ms)) continue;
    const auto values = logs_of(cost, areas_[design]);
    for (std::size_t k = 0; k < 3; ++k) logs[k].push_back(values[k]);
  }
  if (std::ssize(logs[0]) * 10 < kReferencePairs) {
    throw Error(ErrorKind::Infeasible,
                fmt::format("{}: fewer than a tenth of the pairs of network and design fit the "
                            "global buffer: raise buffer_bytes",
                            designs_.name()));
  }
  log_deviation_ = torch::empty({3});
  for (std::size_t k = 0; k < 3; ++k) {
    // The deviation is 0 when all designs have the same area; then there is nothing to predict.
    log_deviation_[static_cast<std::int64_t>(k)] = std::max(standard_deviation(logs[k]), 1e-6);
  }
  return {std::exp(mean(logs[0])), std::exp(mean(logs[1])), std::exp(mean(logs[2]))};
}

torch::Tensor CostNetworks::code(const std::vector<Architecture>& archs) const {
  torch::Tensor result = torch::zeros({std::ssize(archs), architecture_size_});
  float* row = result.data_ptr<float>();
  for (const Architecture& arch : archs) {
    std::int64_t layer = 0;
    for (const LayerChoice choice : arch) {
      row[(layer++ * space_.ops() + choice.op) * space_.widths() + choice.width] = 1.0F;
    }
    row += architecture_size_;
  }
  return result;
}

torch::Tensor CostNetworks::encode(const Architecture& arch) const {
  return code({space_.canonical(arch)})[0];
}

torch::Tensor CostNetworks::hardware_code(const std::vector<std::size_t>& designs) const {
  torch::Tensor result = torch::zeros({std::ssize(designs), hardware_size_});
  float* row = result.data_ptr<float>();
  for (const std::size_t design : designs) {
    std::size_t offset = 0;
    const auto at = designs_.coordinates(design);
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      row[offset + static_cast<std::size_t>(at[axis])] = 1.0F;
      offset += designs_.axes()[axis].values.size();
    }
    row += hardware_size_;
  }
  return result;
}

CostNetworks::Pairs CostNetworks::random_pairs(Rng& rng, std::int64_t count, Draw draw) const {
  std::vector<Architecture> networks;
  std::vector<std::size_t> designs;
  torch::Tensor logs = torch::empty({count, 3});
  const Metrics& unit = cost_.reference();
  while (std::ssize(networks) < count) {
    const std::size_t design = rng.index(areas_.size());
    Architecture arch = random_network(rng, draw);
    const PairCost cost = costs_.cost(arch, design);
    if (!std::isfinite(cost.ms)) continue;
    float* row = logs.data_ptr<float>() + 3 * std::ssize(networks);
    row[0] = static_cast<float>(std::log(cost.ms / unit.ms));
    row[1] = static_cast<float>(std::log(cost.energy / unit.energy));
    row[2] = static_cast<float>(std::log(areas_[design] / unit.area_mm2));
    networks.push_back(std::move(arch));
    designs.push_back(design);
  }
  return {code(networks), hardware_code(designs), logs};
}

CostNetworks::Labels CostNetworks::label(const std::string& stream, std::int64_t count,
                                         Draw draw) const {
  Rng rng(seed_, stream);
  Labels labels;
  const auto axes = static_cast<std::int64_t>(designs_.axes().size());
  labels.choices = torch::empty({count, axes}, torch::kLong);
  labels.logs = torch::empty({count, 3});
  const Metrics& unit = cost_.reference();
  std::vector<PairCost> row(areas_.size());
  std::vector<std::size_t> designs;
  for (std::int64_t i = 0; i < count; ++i) {
    Architecture arch = random_network(rng, draw);
    const std::size_t best = best_design(costs_, areas_, arch, cost_, row);
    designs.push_back(best);
    const auto at = designs_.coordinates(best);
    std::copy(at.begin(), at.end(), labels.choices.data_ptr<std::int64_t>() + i * axes);
    float* logs = labels.logs.data_ptr<float>() + 3 * i;
    logs[0] = static_cast<float>(std::log(row[best].ms / unit.ms));
    logs[1] = static_cast<float>(std::log(row[best].energy / unit.energy));
    logs[2] = static_cast<float>(std::log(areas_[best] / unit.area_mm2));
    labels.least.push_back(cost_(row[best], areas_[best]));
    labels.networks.push_back(std::move(arch));
  }
  labels.archs = code(labels.networks);
  labels.hardware = hardware_code(designs);
  return labels;
}

torch::Tensor CostNetworks::generate(const torch::Tensor& archs, const torch::Tensor& noise,
                                     double temperature, bool hard) const {
  torch::Tensor logits = generator_.forward(archs);
  if (noise.defined()) logits = logits + noise;
  std::vector<torch::Tensor> parts;
  std::int64_t offset = 0;
  for (const DesignAxis& axis : designs_.axes()) {
    const auto size = static_cast<std::int64_t>(axis.values.size());
    const torch::Tensor soft =
        torch::softmax(logits.slice(1, offset, offset + size) / temperature, 1);
    offset += size;
    if (!hard) {
      parts.push_back(soft);
      continue;
    }
    parts.push_back(hardened(soft));
  }
  return torch::cat(parts, 1);
}

torch::Tensor CostNetworks::logs(const torch::Tensor& archs, const torch::Tensor& hardware) const {
  const torch::Tensor inputs = forwards_ ? torch::cat({archs, hardware}, 1) : archs;
  return cost_network_.forward(inputs) * log_deviation_;
}

torch::Tensor CostNetworks::metrics(const torch::Tensor& archs,
                                    const torch::Tensor& hardware) const {
  return logs(archs, hardware).exp();
}

torch::Tensor CostNetworks::cost(const torch::Tensor& archs, const torch::Tensor& noise,
                                 double temperature, bool hard) const {
  const torch::Tensor hardware =
      forwards_ ? generate(archs, noise, temperature, hard) : torch::Tensor();
  const torch::Tensor all = metrics(archs, hardware);
  return cost_.combine<torch::Tensor>(all.select(1, 0), all.select(1, 1), all.select(1, 2));
}

std::size_t CostNetworks::design_of(const Architecture& arch) const {
  const torch::NoGradGuard guard;
  const torch::Tensor logits =
      generator_.forward(encode(arch).unsqueeze(0).to(log_deviation_.scalar_type()))
          .to(torch::kDouble)
          .contiguous();
  const double* values = logits.data_ptr<double>();
  std::size_t best = 0;
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t design = 0; design < designs_.size(); ++design) {
    const auto at = designs_.coordinates(design);
    double sum = 0.0;
    std::size_t offset = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      sum += values[offset + static_cast<std::size_t>(at[axis])];
      offset += designs_.axes()[axis].values.size();
    }
    if (sum <= most) continue;
    most = sum;
    best = design;
  }
  return best;
}

torch::Tensor CostNetworks::generator_loss(const torch::Tensor& archs,
                                           const torch::Tensor& choices) const {
  const torch::Tensor logits = generator_.forward(archs);
  torch::Tensor loss = torch::zeros({});
  std::int64_t offset = 0;
  for (std::size_t axis = 0; axis < designs_.axes().size(); ++axis) {
    const auto size = static_cast<std::int64_t>(designs_.axes()[axis].values.size());
    loss = loss + torch::cross_entropy_loss(logits.slice(1, offset, offset + size),
                                            choices.select(1, static_cast<std::int64_t>(axis)));
    offset += size;
  }
  return loss;
}

void CostNetworks::train(Log& log, const GroupStop& stop, double save_minutes,
                         const std::function<void()>& save) {
  using Clock = std::chrono::steady_clock;
  auto last_save = Clock::now();
  Labels labels;
  if (!is_trained()) {
    log.info(fmt::format("dance: the best of {} designs for each of {} networks", areas_.size(),
                         config_.generator_networks));
    labels = label("dance networks", config_.generator_networks, Draw::ToLearn);
  }
  const auto run = [&](const char* name, ResidualMlp& network, std::int64_t& step,
                       std::int64_t steps, const auto& loss_of) {
    if (step >= steps) return;
    Optimizer optimizer(network, moments_);
    Progress progress(log, name, steps, step);
    while (step < steps) {
      Rng rng(seed_, name, static_cast<std::uint64_t>(step));
      const torch::Tensor loss = loss_of(rng);
      optimizer.step(loss, cosine(config_.evaluator_lr, step, steps), step);
      ++step;
      if (step % kStepsPerReport == 0) {
        progress.step(kStepsPerReport, fmt::format("loss {:.5f}", loss.item<double>()));
      }
      const std::chrono::duration<double> unsaved = Clock::now() - last_save;
      std::array<std::int32_t, 2> flags{stop.token().requested() ? 1 : 0,
                                        unsaved.count() > save_minutes * 60.0 ? 1 : 0};
      stop.group().max(flags);
      const auto [stops, is_due] = flags;
      if (stops == 0 && is_due == 0) continue;
      save();
      last_save = Clock::now();
      if (stops != 0) throw StopToken::stopped();
    }
  };
  const auto some_labels = [&](Rng& rng, std::int64_t count) {
    torch::Tensor indices = torch::empty({count}, torch::kLong);
    auto* at = indices.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < count; ++i) {
      at[i] = static_cast<std::int64_t>(rng.index(labels.networks.size()));
    }
    return indices;
  };
  run("dance cost network", cost_network_, cost_step_, config_.cost_steps, [&](Rng& rng) {
    // Half of the pairs are networks on their best designs, as in the later search.
    const std::int64_t random = forwards_ ? config_.batch / 2 : 0;
    const torch::Tensor some = some_labels(rng, config_.batch - random);
    Pairs pairs{labels.archs.index_select(0, some), labels.hardware.index_select(0, some),
                labels.logs.index_select(0, some)};
    if (random > 0) {
      const Pairs others = random_pairs(rng, random, Draw::ToLearn);
      pairs = {torch::cat({pairs.archs, others.archs}),
               torch::cat({pairs.hardware, others.hardware}),
               torch::cat({pairs.logs, others.logs})};
    }
    // A small difference of logarithms approximates the relative error.
    return ((logs(pairs.archs, pairs.hardware) - pairs.logs) / log_deviation_).square().mean();
  });
  run("dance hardware generator", generator_, generator_step_, config_.generator_steps,
      [&](Rng& rng) {
        const torch::Tensor some = some_labels(rng, config_.batch);
        return generator_loss(labels.archs.index_select(0, some),
                              labels.choices.index_select(0, some));
      });
}

std::map<std::string, torch::Tensor> CostNetworks::state() const {
  std::map<std::string, torch::Tensor> all;
  for (const auto& [name, moments] : moments_) {
    all[name + ".first"] = moments.first;
    all[name + ".second"] = moments.second;
  }
  for (const ResidualMlp* network : {&cost_network_, &generator_}) {
    for (const auto& [name, tensor] : network->tensors()) all[name] = tensor.detach();
  }
  all["progress"] = torch::tensor(std::vector<std::int64_t>{cost_step_, generator_step_});
  return all;
}

void CostNetworks::load_state(const std::map<std::string, torch::Tensor>& state) {
  const auto progress = state.find("progress");
  if (progress == state.end() || progress->second.numel() != 2) {
    throw Error(ErrorKind::Data, "tensor progress is missing or of another shape");
  }
  cost_network_.load(state);
  generator_.load(state);
  moments_.clear();
  for (const ResidualMlp* network : {&cost_network_, &generator_}) {
    for (const auto& [name, value] : network->tensors()) {
      const auto first = state.find(name + ".first");
      const auto second = state.find(name + ".second");
      if (first == state.end() || second == state.end()) continue;  // Not trained yet.
      if (first->second.sizes() != value.sizes() || second->second.sizes() != value.sizes()) {
        throw Error(ErrorKind::Data, fmt::format("moments of {} are of another shape", name));
      }
      moments_[name] = {first->second.clone(), second->second.clone()};
    }
  }
  cost_step_ = progress->second[0].item<std::int64_t>();
  generator_step_ = progress->second[1].item<std::int64_t>();
}

namespace {

/// Mean of |exp(predicted - truth) - 1|, by column.
Metrics relative_error(const torch::Tensor& predicted, const torch::Tensor& truth) {
  const torch::Tensor error = (predicted - truth).exp().sub(1.0).abs().mean(0);
  return {error[0].item<double>(), error[1].item<double>(), error[2].item<double>()};
}

}  // namespace

CostNetworksReport CostNetworks::test() const {
  const torch::NoGradGuard guard;
  CostNetworksReport report;
  const Labels labels = label("dance test networks", config_.test_networks, Draw::ToJudge);
  const torch::Tensor hardware =
      forwards_ ? generate(labels.archs, {}, 1.0, true) : torch::Tensor();
  report.best_error = relative_error(logs(labels.archs, hardware), labels.logs);
  if (!forwards_) return report;
  Rng rng(seed_, "dance test pairs");
  const Pairs pairs = random_pairs(rng, kTestPairs, Draw::ToJudge);
  report.pair_error = relative_error(logs(pairs.archs, pairs.hardware), pairs.logs);
  std::vector<double> regret;
  report.right.assign(designs_.axes().size(), 0.0);
  for (std::size_t i = 0; i < labels.networks.size(); ++i) {
    const std::size_t design = design_of(labels.networks[i]);
    regret.push_back(cost_(costs_.cost(labels.networks[i], design), areas_[design]) /
                     labels.least[i]);
    const auto at = designs_.coordinates(design);
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      const auto best =
          labels.choices[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(axis)]
              .item<std::int64_t>();
      if (at[axis] == best) report.right[axis] += 1.0 / static_cast<double>(config_.test_networks);
    }
  }
  report.regret_median = median(regret);
  report.regret_mean = mean(regret);
  report.regret_p95 = quantile(regret, 0.95);
  return report;
}

void CostNetworks::to(torch::ScalarType type) {
  cost_network_.to(type);
  generator_.to(type);
  log_deviation_ = log_deviation_.to(type);
}

}  // namespace hsconas
