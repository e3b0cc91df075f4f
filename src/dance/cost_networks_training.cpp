#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/dance/cost_networks.hpp"
#include "hsconas/space/subspace.hpp"

// The training of the cost networks, and their test, on random networks.
namespace hsconas {

namespace {

constexpr std::int64_t kReferencePairs = 4096;
constexpr std::int64_t kTestPairs = 8192;
constexpr int kStepsPerReport = 50;

double cosine(double first, std::int64_t step, std::int64_t steps) {
  return first * 0.5 *
         (1.0 + std::cos(M_PI * static_cast<double>(step) / static_cast<double>(steps)));
}

/// Logarithms of the metrics relative to those of `unit`.
std::array<double, 3> logs_of(const PairCost& cost, double area_mm2, const Metrics& unit) {
  return {std::log(cost.ms / unit.ms), std::log(cost.energy / unit.energy),
          std::log(area_mm2 / unit.area_mm2)};
}

void set_row(torch::Tensor& rows, std::int64_t row, const std::array<double, 3>& values) {
  float* to = rows.data_ptr<float>() + 3 * row;
  for (const double value : values) *to++ = static_cast<float>(value);
}

/// `count` random indices below `size`.
torch::Tensor random_indices(Rng& rng, std::size_t size, std::int64_t count) {
  torch::Tensor indices = torch::empty({count}, torch::kLong);
  auto* at = indices.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) at[i] = static_cast<std::int64_t>(rng.index(size));
  return indices;
}

/// Mean of |exp(predicted - truth) - 1|, by column.
Metrics relative_error(const torch::Tensor& predicted, const torch::Tensor& truth) {
  const torch::Tensor error = (predicted - truth).exp().sub(1.0).abs().mean(0);
  return {error[0].item<double>(), error[1].item<double>(), error[2].item<double>()};
}

}  // namespace

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
    const auto values = logs_of(cost, areas_[design], {1.0, 1.0, 1.0});
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

CostNetworks::Pairs CostNetworks::random_pairs(Rng& rng, std::int64_t count, Draw draw) const {
  std::vector<Architecture> networks;
  std::vector<std::size_t> designs;
  torch::Tensor logs = torch::empty({count, 3});
  while (std::ssize(networks) < count) {
    const std::size_t design = rng.index(areas_.size());
    Architecture arch = random_network(rng, draw);
    const PairCost cost = costs_.cost(arch, design);
    if (!std::isfinite(cost.ms)) continue;
    set_row(logs, std::ssize(networks), logs_of(cost, areas_[design], cost_.reference()));
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
  std::vector<PairCost> row(areas_.size());
  std::vector<std::size_t> designs;
  for (std::int64_t i = 0; i < count; ++i) {
    Architecture arch = random_network(rng, draw);
    const std::size_t best = best_design(costs_, areas_, arch, cost_, row);
    designs.push_back(best);
    const auto at = designs_.coordinates(best);
    std::copy(at.begin(), at.end(), labels.choices.data_ptr<std::int64_t>() + i * axes);
    set_row(labels.logs, i, logs_of(row[best], areas_[best], cost_.reference()));
    labels.least.push_back(cost_(row[best], areas_[best]));
    labels.networks.push_back(std::move(arch));
  }
  labels.archs = code(labels.networks);
  labels.hardware = hardware_code(designs);
  return labels;
}

torch::Tensor CostNetworks::cost_loss(Rng& rng, const Labels& labels) const {
  // Half of the pairs are networks on their best designs, as in the later search.
  const std::int64_t random = forwards_ ? config_.batch / 2 : 0;
  const torch::Tensor some = random_indices(rng, labels.networks.size(), config_.batch - random);
  Pairs pairs{labels.archs.index_select(0, some), labels.hardware.index_select(0, some),
              labels.logs.index_select(0, some)};
  if (random > 0) {
    const Pairs others = random_pairs(rng, random, Draw::ToLearn);
    pairs = {torch::cat({pairs.archs, others.archs}), torch::cat({pairs.hardware, others.hardware}),
             torch::cat({pairs.logs, others.logs})};
  }
  // A small difference of logarithms approximates the relative error.
  return ((logs(pairs.archs, pairs.hardware) - pairs.logs) / log_deviation_).square().mean();
}

torch::Tensor CostNetworks::generator_loss(Rng& rng, const Labels& labels) const {
  const torch::Tensor some = random_indices(rng, labels.networks.size(), config_.batch);
  const torch::Tensor choices = labels.choices.index_select(0, some);
  const torch::Tensor logits = generator_.forward(labels.archs.index_select(0, some));
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
  run("dance cost network", cost_network_, cost_step_, config_.cost_steps,
      [&](Rng& rng) { return cost_loss(rng, labels); });
  run("dance hardware generator", generator_, generator_step_, config_.generator_steps,
      [&](Rng& rng) { return generator_loss(rng, labels); });
}

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

}  // namespace hsconas
