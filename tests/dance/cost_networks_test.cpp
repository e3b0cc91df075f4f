#include "hsconas/dance/cost_networks.hpp"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "codesign/small_evaluator.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// A tiny space and 60 designs, so that labels and training take about a second.
struct Bench {
  SearchSpace space = tiny_space();
  DesignSpace designs = few_designs();
  CostTable costs{space, designs.designs()};
  DanceConfig config = small_evaluator();
  Log log{Verbosity::Quiet, false};
  StopToken stop;

  CostNetworks make(bool forwards = true) const {
    return {space, designs, costs, config, 1, forwards};
  }
  CostNetworks trained(bool forwards = true) {
    CostNetworks networks = make(forwards);
    networks.train(log, stop, 1e9, [] {});
    return networks;
  }

  /// Architectures as probabilities, [count, architecture_size()], neither one-hot nor equal.
  torch::Tensor mixtures(const CostNetworks& networks, std::int64_t count) const {
    Rng rng(3, "mixtures");
    torch::Tensor values = torch::empty({count, networks.architecture_size()}, torch::kDouble);
    for (std::int64_t i = 0; i < values.numel(); ++i) values.view({-1})[i] = rng.normal();
    return torch::softmax(values.view({count, space.layers(), -1}), 2).view({count, -1});
  }
  torch::Tensor gumbel(const CostNetworks& networks, std::int64_t count) const {
    Rng rng(4, "gumbel");
    torch::Tensor values = torch::empty({count, networks.hardware_size()}, torch::kDouble);
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      values.view({-1})[i] = -std::log(-std::log(rng.uniform(1e-9, 1.0)));
    }
    return values;
  }
};

bool same_bits(const std::map<std::string, torch::Tensor>& a,
               const std::map<std::string, torch::Tensor>& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a) {
    if (!b.contains(name) || !torch::equal(tensor, b.at(name))) return false;
  }
  return true;
}

std::map<std::string, torch::Tensor> copy_of(const std::map<std::string, torch::Tensor>& tensors) {
  std::map<std::string, torch::Tensor> copy;
  for (const auto& [name, tensor] : tensors) copy[name] = tensor.clone();
  return copy;
}

}  // namespace

TEST_CASE("a cost is the product or the weighted mean of metrics relative to the reference",
          "[codesign]") {
  DanceConfig config;
  const CostFunction edap(config, {2.0, 10.0, 0.5});
  CHECK(edap({2.0, 10.0}, 0.5) == Approx(1.0));
  CHECK(edap({4.0, 30.0}, 0.5) == Approx(6.0));
  config.cost = CostKind::Linear;
  config.latency_weight = 2.0;
  config.area_weight = 0.0;
  const CostFunction linear(config, {2.0, 10.0, 0.5});
  CHECK(linear({2.0, 10.0}, 99.0) == Approx(1.0));
  CHECK(linear({4.0, 10.0}, 99.0) == Approx((2.0 * 2.0 + 1.0) / 3.0));
}

TEST_CASE("best_design() finds the same design as trying each", "[codesign]") {
  const Bench bench;
  const CostFunction cost({}, {1.0, 1.0, 1.0});
  const auto areas = areas_of(bench.designs.designs());
  std::vector<PairCost> row(areas.size());
  Rng rng(1, "best");
  for (int i = 0; i < 20; ++i) {
    const Architecture arch = sample(Subspace::full(bench.space), rng);
    const std::size_t best = best_design(bench.costs, areas, arch, cost, row);
    for (std::size_t d = 0; d < areas.size(); ++d) {
      CHECK(cost(bench.costs.cost(arch, best), areas[best]) <=
            cost(bench.costs.cost(arch, d), areas[d]));
    }
  }
}

TEST_CASE("trained cost networks predict good designs and their costs for unseen architectures",
          "[codesign]") {
  Bench bench;
  const CostNetworks networks = bench.trained();
  const CostNetworksReport report = networks.test();
  CHECK(report.regret_median >= 1.0);
  CHECK(report.regret_median < 1.1);
  CHECK(report.pair_error.ms < 0.15);
  CHECK(report.pair_error.energy < 0.15);
  CHECK(report.pair_error.area_mm2 < 0.15);
  CHECK(report.right.size() == 3);
  const CostNetworksReport untrained = bench.make().test();
  CHECK(untrained.pair_error.ms > 2.0 * report.pair_error.ms);
  CHECK(untrained.regret_median > report.regret_median);
  // Without forwarding the cost is predicted from the architecture alone.
  CHECK(bench.trained(false).test().best_error.ms < 0.3);
}

TEST_CASE("the cost's gradient through both frozen networks agrees with finite differences",
          "[codesign]") {
  Bench bench;
  for (const CostKind cost : {CostKind::Edap, CostKind::Linear}) {
    bench.config.cost = cost;
    CostNetworks networks = bench.trained();
    networks.to(torch::kDouble);
    const torch::Tensor archs = bench.mixtures(networks, 3).set_requires_grad(true);
    const torch::Tensor noise = bench.gumbel(networks, 3);
    const auto value = [&](const torch::Tensor& at) {
      return networks.cost(at, noise, 0.7, false).sum();
    };
    value(archs).backward();
    const torch::Tensor gradient = archs.grad().view({-1});
    const double largest = gradient.abs().max().item<double>();
    CHECK(largest > 1e-4);
    constexpr double kStep = 1e-6;
    for (std::int64_t i = 0; i < gradient.numel(); ++i) {
      const torch::NoGradGuard guard;
      torch::Tensor up = archs.detach().clone();
      torch::Tensor down = up.clone();
      up.view({-1})[i] += kStep;
      down.view({-1})[i] -= kStep;
      const double slope = (value(up) - value(down)).item<double>() / (2 * kStep);
      // The tolerance allows for the rare case that a ReLU's kink lies within the step.
      CHECK(gradient[i].item<double>() == Approx(slope).margin(1e-4 * largest).epsilon(1e-4));
    }
  }
}

TEST_CASE("a backward pass does not change a single bit of the frozen networks", "[codesign]") {
  Bench bench;
  const CostNetworks networks = bench.trained();
  const auto before = copy_of(networks.state());
  torch::Tensor archs = bench.mixtures(networks, 4).to(torch::kFloat).set_requires_grad(true);
  networks.cost(archs, bench.gumbel(networks, 4).to(torch::kFloat), 1.0, true).sum().backward();
  CHECK(archs.grad().abs().max().item<double>() > 0.0);
  CHECK(same_bits(before, networks.state()));
}

TEST_CASE("hard choices are one-hot per axis, soft ones sum to one", "[codesign]") {
  Bench bench;
  const CostNetworks networks = bench.make();
  const torch::Tensor archs = bench.mixtures(networks, 5).to(torch::kFloat);
  const torch::NoGradGuard guard;
  const torch::Tensor hard = networks.generate(archs, {}, 1.0, true);
  const torch::Tensor soft = networks.generate(archs, {}, 1.0, false);
  CHECK(networks.hardware_size() == 3 + 4 + 5);
  CHECK(hard.max().item<double>() == Approx(1.0));
  CHECK(hard.sum().item<double>() == Approx(5 * 3.0));
  CHECK(soft.sum().item<double>() == Approx(5 * 3.0));
}

TEST_CASE("stopped and continued training gives the same weights as uninterrupted training",
          "[codesign]") {
  Bench bench;
  for (const int stops_at : {40, 320}) {  // Once in the training of each network.
    CostNetworks first = bench.make();
    StopToken stop;
    int saves = 0;
    std::map<std::string, torch::Tensor> saved;
    const std::string interrupted = error_of([&] {
      // With 0 minutes between saves, every step is saved.
      first.train(bench.log, stop, 0.0, [&] {
        saved = copy_of(first.state());
        if (++saves == stops_at) stop.request();
      });
    });
    CHECK(interrupted.starts_with("interrupted"));
    CHECK(!first.is_trained());
    CostNetworks second = bench.make();
    second.load_state(saved);
    second.train(bench.log, bench.stop, 1e9, [] {});
    CHECK(second.is_trained());
    CHECK(same_bits(second.state(), bench.trained().state()));
  }
}

TEST_CASE("loading the state of other networks is an error that names a tensor", "[codesign]") {
  Bench bench;
  const auto state = bench.make().state();
  bench.config.cost_width = 16;
  CostNetworks other = bench.make();
  CHECK(contains(error_of([&] { other.load_state(state); }), "data: tensor cost."));
  CHECK(contains(error_of([&] { other.load_state({}); }), "tensor progress"));
}
