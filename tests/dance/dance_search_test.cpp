#include "hsconas/dance/dance_search.hpp"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "codesign/small_evaluator.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

constexpr std::int64_t kImages = 8;

struct SearchBench {
  SearchSpace space = tiny_space();
  Supernet supernet{space, torch::kCPU, 1};
  DesignSpace designs = few_designs();
  CostTable costs{space, designs.designs()};
  DanceConfig config = small_evaluator();

  DanceSearch search(Penalty penalty, const CostNetworks* networks = nullptr) {
    config.penalty = penalty;
    return {supernet, networks, config, 1};
  }
  CostNetworks trained() const {
    CostNetworks networks(space, designs, costs, config, 1);
    Log log{Verbosity::Quiet, false};
    const StopToken stop;
    networks.train(log, stop, 1e9, [] {});
    return networks;
  }
  static Batch batch(std::uint64_t seed = 1) {
    torch::manual_seed(seed);
    return {torch::randn({kImages, 3, 16, 16}), torch::randint(10, {kImages}, torch::kLong)};
  }
};

/// Raises the probability of `arch` to almost 1.
void settle(DanceSearch& search, const SearchSpace& space, const Architecture& arch) {
  torch::Tensor alpha = search.tensors().at("alpha");
  for (std::size_t layer = 0; layer < arch.size(); ++layer) {
    alpha[static_cast<std::int64_t>(layer)][arch[layer].op * space.widths() + arch[layer].width] =
        100.0;
  }
}

}  // namespace

TEST_CASE("a new DANCE search draws all distinct choices equally often, and no equivalent ones",
          "[codesign]") {
  SearchBench bench;
  const DanceSearch search = bench.search(Penalty::None);
  std::map<LayerChoice, int> seen;
  constexpr int kDraws = 3000;
  for (int step = 0; step < kDraws; ++step) {
    const Architecture arch = search.path(step);
    CHECK((bench.space.canonical(arch) == arch));
    ++seen[arch[1]];
  }
  CHECK(seen.size() == 5);  // Two operators at two widths, and the skip.
  for (const auto& [choice, count] : seen) {
    CHECK(std::abs(count - kDraws / 5.0) < 5.0 * std::sqrt(kDraws / 5.0));
  }
  for (const auto& layer : search.probabilities()) {
    double sum = 0.0;
    for (const double p : layer) sum += p;
    CHECK(sum == Approx(1.0));
  }
}

TEST_CASE("the hard mixture of all choices has the loss of the drawn path", "[codesign]") {
  SearchBench bench;
  Rng rng(2, "dance test");
  for (int i = 0; i < 5; ++i) {
    DanceSearch search = bench.search(Penalty::None);
    const Architecture arch = bench.space.canonical(sample(Subspace::full(bench.space), rng));
    settle(search, bench.space, arch);
    CHECK((search.best() == arch));
    CHECK((search.path(7) == arch));
    const Batch batch = SearchBench::batch();
    TrainingPath path(bench.supernet, arch);
    const double expected =
        torch::cross_entropy_loss(path.forward(batch.images), batch.labels).item<double>();
    CHECK(search.update(batch, 0.0, 0).error == Approx(expected).epsilon(1e-4));
  }
}

TEST_CASE("DanceSearch::update() uses the requested precision", "[codesign]") {
  SearchBench bench;
  bench.config.penalty = Penalty::None;
  DanceSearch single(bench.supernet, nullptr, bench.config, 1);
  DanceSearch again(bench.supernet, nullptr, bench.config, 1, torch::kFloat);
  DanceSearch half(bench.supernet, nullptr, bench.config, 1, torch::kBFloat16);
  const double error = single.update(SearchBench::batch(), 0.0, 0).error;
  CHECK(again.update(SearchBench::batch(), 0.0, 0).error == error);
  const double rounded = half.update(SearchBench::batch(), 0.0, 0).error;
  CHECK(rounded != error);
  CHECK(std::abs(rounded - error) < 0.02 * error);
}

TEST_CASE("DanceSearch::update() does not change a bit of the supernet and the cost networks",
          "[codesign]") {
  SearchBench bench;
  const CostNetworks networks = bench.trained();
  const auto copy = [](const std::map<std::string, torch::Tensor>& tensors) {
    std::map<std::string, torch::Tensor> all;
    for (const auto& [name, tensor] : tensors) all[name] = tensor.clone();
    return all;
  };
  const auto evaluator = copy(networks.state());
  const auto weights = copy(bench.supernet.tensors());
  DanceSearch search = bench.search(Penalty::Cost, &networks);
  const torch::Tensor before = search.tensors().at("alpha").clone();
  for (int i = 0; i < 3; ++i) search.update(SearchBench::batch(), 1.0, i);
  CHECK(!torch::equal(before, search.tensors().at("alpha")));
  for (const auto& [name, tensor] : networks.state()) {
    CHECK(torch::equal(tensor, evaluator.at(name)));
  }
  for (const auto& [name, tensor] : bench.supernet.tensors()) {
    CHECK(torch::equal(tensor, weights.at(name)));
  }
}

TEST_CASE("with a large penalty on multiply-adds or cost the search finds cheap networks",
          "[codesign]") {
  SearchBench bench;
  const CostNetworks networks = bench.trained();
  bench.config.choice_lr = 0.2;
  const auto areas = networks.areas();
  std::vector<PairCost> row(areas.size());
  const auto least = [&](const Architecture& arch) {
    const std::size_t best = best_design(bench.costs, areas, arch, networks.cost_function(), row);
    return networks.cost_function()(row[best], areas[best]);
  };
  const auto everything = enumerate(Subspace::full(bench.space));
  double mean_cost = 0.0;
  double mean_macs = 0.0;
  for (const Architecture& arch : everything) {
    mean_cost += least(arch) / static_cast<double>(everything.size());
    mean_macs +=
        static_cast<double>(bench.space.cost(arch).macs) / static_cast<double>(everything.size());
  }
  for (const Penalty penalty : {Penalty::Macs, Penalty::Cost}) {
    INFO(word_of(penalty));
    DanceSearch search = bench.search(penalty, &networks);
    for (int i = 0; i < 100; ++i) search.update(SearchBench::batch(), 100.0, i);
    const Architecture found = search.best();
    CHECK(static_cast<double>(bench.space.cost(found).macs) < 0.8 * mean_macs);
    CHECK(least(found) < 0.6 * mean_cost);
  }
}

TEST_CASE(
    "the multiply-add penalty of a mixture is the mean of its parts, and 1 for the mean network",
    "[codesign]") {
  SearchBench bench;
  const DanceSearch search = bench.search(Penalty::Macs);
  const auto layers = std::int64_t{bench.space.layers()};
  const auto choices = std::int64_t{bench.space.ops()} * bench.space.widths();
  torch::Tensor first = torch::zeros({layers, choices});
  first.select(1, 0).fill_(1.0);
  torch::Tensor other = torch::zeros({layers, choices});
  other.select(1, 3).fill_(1.0);
  const double a = search.penalty(first, {}).item<double>();
  const double b = search.penalty(other, {}).item<double>();
  CHECK(search.penalty(0.25 * first + 0.75 * other, {}).item<double>() ==
        Approx(0.25 * a + 0.75 * b));
  double sum = 0.0;
  Rng rng(5, "dance test");
  constexpr int kNetworks = 2000;
  for (int i = 0; i < kNetworks; ++i) {
    torch::Tensor one_hot = torch::zeros({layers, choices});
    const Architecture arch = sample(Subspace::full(bench.space), rng);
    for (std::size_t layer = 0; layer < arch.size(); ++layer) {
      one_hot[static_cast<std::int64_t>(layer)]
             [arch[layer].op * bench.space.widths() + arch[layer].width] = 1.0;
    }
    sum += search.penalty(one_hot, {}).item<double>() / kNetworks;
  }
  CHECK(sum == Approx(1.0).epsilon(0.1));
}

TEST_CASE("a DANCE search continued from its tensors equals an uninterrupted one", "[codesign]") {
  SearchBench bench;
  DanceSearch whole = bench.search(Penalty::Macs);
  for (int i = 0; i < 6; ++i) whole.update(SearchBench::batch(9), 0.5, i);
  DanceSearch first = bench.search(Penalty::Macs);
  for (int i = 0; i < 3; ++i) first.update(SearchBench::batch(9), 0.5, i);
  DanceSearch second = bench.search(Penalty::Macs);
  for (auto& [name, tensor] : second.tensors()) {
    torch::Tensor(tensor).copy_(first.tensors().at(name));
  }
  for (int i = 3; i < 6; ++i) second.update(SearchBench::batch(9), 0.5, i);
  for (const auto& [name, tensor] : whole.tensors()) {
    CHECK(torch::equal(tensor, second.tensors().at(name)));
  }
}
