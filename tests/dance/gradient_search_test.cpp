#include "hsconas/dance/gradient_search.hpp"

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "hsconas/space/subspace.hpp"
#include "supernet/networks.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

Batch random_batch(std::uint64_t seed, std::int64_t images = 8) {
  torch::manual_seed(seed);
  return {torch::randn({images, 3, 16, 16}), torch::randint(10, {images}, torch::kLong)};
}

struct GradientBench {
  SearchSpace space = tiny_space();
  Supernet supernet{space, torch::kCPU, 1};
  FakeLatency latency{space};
  SupernetStageConfig config = first_config();
  Batch training = random_batch(1);
  Batch held_out = random_batch(2);

  static SupernetStageConfig first_config() {
    SupernetStageConfig config;
    config.method = "mixed_level";
    config.gradient.temperature = 1.0;
    return config;
  }
  GradientSearch search() { return {supernet, config, latency, 1}; }
  /// The gradient of the first update: Adam's first mean is half of it, as its momentum is .5.
  torch::Tensor first_gradient(const char* method, double held_out_weight = 1.0) {
    config.method = method;
    config.gradient.held_out_weight = held_out_weight;
    GradientSearch search = this->search();
    search.update(training, held_out, 0, 0.0);
    return 2.0 * search.tensors().at("alpha.first").clone();
  }
};

bool is_close(const torch::Tensor& a, const torch::Tensor& b) {
  return torch::allclose(a, b, 1e-4, 1e-7);
}

std::map<std::string, torch::Tensor> cloned(const std::map<std::string, torch::Tensor>& tensors) {
  std::map<std::string, torch::Tensor> all;
  for (const auto& [name, tensor] : tensors) all[name] = tensor.clone();
  return all;
}

}  // namespace

TEST_CASE("the mixed-level gradient is that of the training loss plus lambda that of the held-out",
          "[gradient]") {
  GradientBench bench;
  bench.config.gradient.choice_decay = 0.0;
  const torch::Tensor training = bench.first_gradient("single_level");
  const torch::Tensor held_out = bench.first_gradient("bilevel");
  CHECK(training.abs().max().item<double>() > 1e-4);
  CHECK_FALSE(is_close(training, held_out));
  for (const double lambda : {0.5, 1.0, 3.0}) {
    CAPTURE(lambda);
    CHECK(is_close(bench.first_gradient("mixed_level", lambda), training + lambda * held_out));
  }
}

TEST_CASE("the decay of the architecture parameters is added to their gradient", "[gradient]") {
  GradientBench bench;
  const torch::Tensor start = bench.search().tensors().at("alpha").clone();
  bench.config.gradient.choice_decay = 0.0;
  const torch::Tensor plain = bench.first_gradient("single_level");
  bench.config.gradient.choice_decay = 0.5;
  const torch::Tensor decayed = bench.first_gradient("single_level");
  const torch::Tensor exists = start > -1e8;
  CHECK(is_close(decayed, plain + 0.5 * start.masked_fill(exists.logical_not(), 0.0)));
}

TEST_CASE("mixed_level with a held-out weight of 0 equals single_level bit for bit", "[gradient]") {
  GradientBench bench;
  bench.config.gradient.held_out_weight = 0.0;
  GradientSearch mixed = bench.search();
  bench.config.gradient.held_out_weight = 1.0;
  GradientSearch other = bench.search();
  bench.config.method = "single_level";
  GradientSearch single = bench.search();
  for (int i = 0; i < 5; ++i) {
    for (GradientSearch* search : {&mixed, &other, &single}) {
      search->update(random_batch(10 + i), random_batch(20 + i), i, 0.2 * i);
    }
  }
  for (const auto& [name, tensor] : single.tensors()) {
    CHECK(same_bits(tensor, mixed.tensors().at(name)));
    CHECK_FALSE(same_bits(tensor, other.tensors().at(name)));
  }
}

TEST_CASE("a large held-out weight leads to the choices of bilevel", "[gradient]") {
  GradientBench bench;
  bench.config.gradient.choice_decay = 0.0;
  bench.config.gradient.held_out_weight = 1e6;
  GradientSearch mixed = bench.search();
  bench.config.method = "bilevel";
  bench.config.gradient.held_out_weight = 1.0;
  GradientSearch bilevel = bench.search();
  for (int i = 0; i < 5; ++i) {
    mixed.update(bench.training, bench.held_out, i, 0.0);
    bilevel.update(bench.training, bench.held_out, i, 0.0);
  }
  CHECK(torch::allclose(mixed.tensors().at("alpha"), bilevel.tensors().at("alpha"), 1e-2, 1e-5));
}

TEST_CASE("an update changes the architecture parameters and no bit of the weights", "[gradient]") {
  GradientBench bench;
  const auto weights = cloned(bench.supernet.tensors());
  GradientSearch search = bench.search();
  const torch::Tensor before = search.tensors().at("alpha").clone();
  for (int i = 0; i < 3; ++i) search.update(bench.training, bench.held_out, i, 0.0);
  CHECK_FALSE(torch::equal(before, search.tensors().at("alpha")));
  for (const auto& [name, tensor] : bench.supernet.tensors()) {
    CHECK(same_bits(tensor, weights.at(name)));
  }
}

TEST_CASE("logits start near 0, and choices that do not exist keep probability 0", "[gradient]") {
  GradientBench bench;
  GradientSearch search = bench.search();
  const torch::Tensor start = search.tensors().at("alpha").clone();
  const torch::Tensor exists = start > -1e8;
  CHECK(exists.sum().item<int>() == 3 * 5);  // Two operators at two widths, and the skip.
  const torch::Tensor logits = start.masked_select(exists);
  CHECK(logits.abs().max().item<double>() < 5e-3);
  CHECK(logits.std().item<double>() > 5e-4);
  for (int i = 0; i < 4; ++i) search.update(bench.training, bench.held_out, i, 0.0);
  CHECK(torch::equal(search.tensors().at("alpha") > -1e8, exists));
  for (const auto& layer : search.probabilities()) {
    double sum = 0.0;
    for (const double p : layer) sum += p;
    CHECK(sum == Approx(1.0));
  }
  const Architecture best = search.best();
  CHECK((bench.space.canonical(best) == best));
}

TEST_CASE("every choice learns, although only one width of an operator runs in an update",
          "[gradient]") {
  GradientBench bench;
  bench.config.gradient.choice_decay = 0.0;
  GradientSearch search = bench.search();
  search.update(bench.training, bench.held_out, 0, 0.0);
  const torch::Tensor first = search.tensors().at("alpha.first") != 0.0;
  CHECK((first.sum(1) <= 3).all().item<bool>());
  for (int i = 1; i < 12; ++i) search.update(bench.training, bench.held_out, i, 0.0);
  CHECK((search.tensors().at("alpha.second") != 0.0).sum().item<int>() == 3 * 5);
}

TEST_CASE("a large weight of the latency leads to a fast network", "[gradient]") {
  GradientBench bench;
  bench.config.gradient.latency_weight = 100.0;
  bench.config.gradient.choice_lr = 0.1;
  GradientSearch search = bench.search();
  double relative = 0.0;
  for (int i = 0; i < 60; ++i) {
    relative = search.update(bench.training, bench.held_out, i, 0.0).latency;
  }
  const LatencyRange range = latency_range(bench.latency, Subspace::full(bench.space));
  const double found = bench.latency.predict_ms(search.best());
  CHECK(found < range.fastest_ms + 0.2 * (range.slowest_ms - range.fastest_ms));
  CHECK(relative > 0.0);
  CHECK(relative < 1.0);
}

TEST_CASE("a gradient search continued from its tensors equals an uninterrupted one",
          "[gradient]") {
  GradientBench bench;
  const auto update = [&](GradientSearch& search, int i) {
    search.update(random_batch(10 + i), random_batch(20 + i), i, 0.1 * i);
  };
  GradientSearch whole = bench.search();
  for (int i = 0; i < 6; ++i) update(whole, i);
  GradientSearch first = bench.search();
  for (int i = 0; i < 3; ++i) update(first, i);
  GradientSearch second = bench.search();
  for (auto& [name, tensor] : second.tensors()) {
    torch::Tensor(tensor).copy_(first.tensors().at(name));
  }
  for (int i = 3; i < 6; ++i) update(second, i);
  for (const auto& [name, tensor] : whole.tensors()) {
    CHECK(same_bits(tensor, second.tensors().at(name)));
  }
}

TEST_CASE("held-out batches use every image once before any comes again, in new orders",
          "[gradient]") {
  const auto numbered = [](std::int64_t first, std::int64_t count) -> Batch {
    const torch::Tensor labels = torch::arange(first, first + count, torch::kLong);
    return {labels.to(torch::kFloat).reshape({count, 1, 1, 1}), labels};
  };
  const HeldOutBatches batches({numbered(0, 5), numbered(5, 5), numbered(10, 2)}, 4, 1);
  std::set<std::vector<std::int64_t>> orders;
  for (int pass = 0; pass < 3; ++pass) {
    std::vector<std::int64_t> order;
    for (int i = 0; i < 3; ++i) {
      const Batch batch = batches.at(3 * pass + i);
      REQUIRE(batch.labels.size(0) == 4);
      for (std::int64_t row = 0; row < 4; ++row) {
        order.push_back(batch.labels[row].item<std::int64_t>());
        CHECK(batch.images[row].item<float>() == static_cast<float>(order.back()));
      }
    }
    CHECK(std::set<std::int64_t>(order.begin(), order.end()).size() == 12);
    orders.insert(order);
  }
  CHECK(orders.size() == 3);
  CHECK(torch::equal(batches.at(7).labels, batches.at(7).labels));
  CHECK(HeldOutBatches({numbered(0, 3)}, 8, 1).at(4).labels.size(0) == 3);
}

TEST_CASE("a search has collapsed when every layer that can be skipped is skipped", "[gradient]") {
  const SearchSpace space = tiny_space();
  const Architecture skips = space.canonical(space.uniform(2));
  CHECK(is_collapsed(space, skips));
  Architecture one_left = skips;
  one_left[1] = {0, 1};
  CHECK_FALSE(is_collapsed(space, one_left));
  SpaceDescription without = tiny_description();
  without.operators = {"shuffle_k3", "xception"};
  const SearchSpace other(without);
  CHECK_FALSE(is_collapsed(other, other.uniform(0)));
}
