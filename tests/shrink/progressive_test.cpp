#include "hsconas/shrink/progressive.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/stages/result.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

/// fashion-28 with fakes and a folder.
struct Bench {
  SearchSpace space = shipped_space("fashion-28");
  FakeEvaluator evaluator{space};
  FakeLatency latency{space};
  Objective objective{.target_ms = 4.0, .beta = -0.3};
  TemporaryFolder folder;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  Subspace subspace = Subspace::full(space);

  Scorer scorer() { return {space, evaluator, latency, objective, folder / "candidates.csv"}; }

  std::vector<LayerDecision> shrink(Scorer& scorer, int last, int layers, int samples = 20) {
    return shrink_layers(subspace, last, layers, samples, scorer, 1, log, stop);
  }
};

json all_json(const std::vector<LayerDecision>& decisions, const SearchSpace& space) {
  ShrinkRecord record{.stages = {{.name = "one", .layers = {}}}};
  for (const LayerDecision& decision : decisions) {
    record.stages[0].layers.push_back(layer_of(decision, space));
  }
  return to_json(record).at("stages").at(0).at("layers");
}

}  // namespace

TEST_CASE("shrinking keeps the planted best operators, last layer first", "[shrink]") {
  Bench bench;
  bench.objective.beta = -1e-6;  // Accuracy alone decides.
  bench.evaluator.plant(7, 1);
  bench.evaluator.plant(6, 3);
  bench.evaluator.plant(5, 4);
  Scorer scorer = bench.scorer();
  const auto decisions = bench.shrink(scorer, 7, 3);
  REQUIRE(decisions.size() == 3);
  CHECK(decisions[0].layer == 7);
  CHECK(decisions[0].kept == 1);
  CHECK(decisions[1].kept == 3);
  CHECK(decisions[2].layer == 5);
  CHECK(decisions[2].kept == 4);
  CHECK(bench.subspace.ops[7] == std::vector{1});
  CHECK(bench.subspace.ops[6] == std::vector{3});
  CHECK(bench.subspace.ops[5] == std::vector{4});
  CHECK(bench.subspace.ops[4].size() == 5);
  CHECK(bench.subspace.widths == Subspace::full(bench.space).widths);
}

TEST_CASE("each operator's Q, spread and paired difference are those of its scores", "[shrink]") {
  Bench bench;
  Scorer scorer = bench.scorer();
  const auto decisions = bench.shrink(scorer, 7, 4);
  for (const LayerDecision& decision : decisions) {
    REQUIRE(decision.operators.size() == 5);
    const auto kept = std::find_if(decision.operators.begin(), decision.operators.end(),
                                   [&](const auto& q) { return q.op == decision.kept; });
    REQUIRE(kept != decision.operators.end());
    CHECK(kept->difference == 0.0);
    CHECK(kept->standard_error == 0.0);
    for (const OperatorQuality& quality : decision.operators) {
      CHECK(quality.q <= kept->q);
      CHECK(quality.difference <= 1e-12);
      CHECK(quality.difference == Approx(quality.q - kept->q).margin(1e-12));
      CHECK(quality.spread > 0.0);
      // Pairing removes the spread that both operators share.
      CHECK(quality.standard_error < quality.spread);
    }
  }
}

TEST_CASE("all operators of a layer are judged in the same architectures", "[shrink]") {
  Bench bench;
  Scorer scorer = bench.scorer();
  bench.shrink(scorer, 7, 1, 12);
  // 12 samples x 5 operators, the operators of a sample side by side, skips merged by width only.
  CHECK(bench.evaluator.asked.size() == 60);
  for (std::size_t i = 0; i < 60; i += 5) {
    for (std::size_t op = 0; op < 5; ++op) {
      Architecture arch = bench.evaluator.asked[i + op];
      CHECK(arch[7].op == static_cast<int>(op));
      arch.pop_back();
      Architecture first = bench.evaluator.asked[i];
      first.pop_back();
      CHECK(arch == first);
    }
  }
}

TEST_CASE("shrinking every layer for accuracy alone still leaves a network within the budget",
          "[shrink]") {
  Bench bench;
  const LatencyRange range = latency_range(bench.latency, bench.subspace);
  bench.objective = {.target_ms = 0.98 * range.fastest_ms + 0.02 * range.slowest_ms, .beta = -1e-9};
  for (int layer = 0; layer < 8; ++layer) {  // The slowest operator is the most accurate one.
    bench.evaluator.plant(layer, range.slowest[static_cast<std::size_t>(layer)].op);
  }
  Scorer scorer = bench.scorer();
  const auto decisions = bench.shrink(scorer, 7, 8);
  CHECK(latency_range(bench.latency, bench.subspace).fastest_ms <= bench.objective.target_ms);
  CHECK(std::any_of(decisions.begin(), decisions.end(), [](const LayerDecision& decision) {
    return std::any_of(decision.operators.begin(), decision.operators.end(),
                       [](const OperatorQuality& quality) { return !quality.within_budget; });
  }));
}

TEST_CASE("equal operators: the first one stays", "[shrink]") {
  class Flat : public Evaluator {
   public:
    std::vector<double> accuracy(std::span<const Architecture> archs) override {
      return std::vector<double>(archs.size(), 0.5);
    }
  };
  Bench bench;
  Flat flat;
  const Objective objective{.target_ms = 4.0, .beta = -0.0};
  Scorer scorer(bench.space, flat, bench.latency, objective);
  for (const LayerDecision& decision : bench.shrink(scorer, 7, 8, 5)) CHECK(decision.kept == 0);
}

TEST_CASE("a layer with one operator left is recorded and costs nothing", "[shrink]") {
  Bench bench;
  bench.subspace.ops[6] = {2};
  Scorer scorer = bench.scorer();
  const auto decisions = bench.shrink(scorer, 6, 1);
  REQUIRE(decisions.size() == 1);
  CHECK(decisions[0].layer == 6);
  CHECK(decisions[0].kept == 2);
  CHECK(decisions[0].operators.empty());
  CHECK(scorer.evaluations() == 0);
}

TEST_CASE("a shrunk space has better random members than the whole", "[shrink]") {
  Bench bench;
  Scorer scorer = bench.scorer();
  bench.shrink(scorer, 7, 4, 60);
  const auto mean_score = [&](const Subspace& subspace) {
    Rng rng(9, "test");
    std::vector<Architecture> archs;
    for (int i = 0; i < 300; ++i) archs.push_back(sample(subspace, rng));
    std::vector<double> scores;
    for (const Candidate& candidate : scorer.score(archs)) scores.push_back(candidate.score);
    return mean(scores);
  };
  CHECK(mean_score(bench.subspace) > mean_score(Subspace::full(bench.space)));
}

TEST_CASE("shrinking replays from candidates.csv with the same result and no cost", "[shrink]") {
  Bench bench;
  Scorer first = bench.scorer();
  const json decisions = all_json(bench.shrink(first, 7, 4), bench.space);
  const Subspace shrunk = bench.subspace;
  CHECK(first.evaluations() > 0);

  bench.subspace = Subspace::full(bench.space);
  Scorer second = bench.scorer();
  CHECK(all_json(bench.shrink(second, 7, 4), bench.space) == decisions);
  CHECK(bench.subspace == shrunk);
  CHECK(second.evaluations() == 0);
}

TEST_CASE("shrinking stopped in the middle and resumed equals an uninterrupted run", "[shrink]") {
  Bench whole;
  Scorer uninterrupted = whole.scorer();
  const json decisions = all_json(whole.shrink(uninterrupted, 7, 4), whole.space);

  Bench bench;
  int evaluations = 0;
  for (const std::ptrdiff_t limit : {50, 170, 250, -1}) {
    bench.evaluator.interrupt_at = limit;
    bench.subspace = Subspace::full(bench.space);
    Scorer scorer = bench.scorer();
    if (limit >= 0) {
      CHECK(contains(error_of([&] { bench.shrink(scorer, 7, 4); }), "interrupted: "));
    } else {
      CHECK(all_json(bench.shrink(scorer, 7, 4), bench.space) == decisions);
    }
    evaluations += scorer.evaluations();
  }
  CHECK(evaluations == uninterrupted.evaluations());
  CHECK(bench.subspace == whole.subspace);
  CHECK(read_file(bench.folder / "candidates.csv") == read_file(whole.folder / "candidates.csv"));
}

TEST_CASE("a stop request ends shrinking before the next samples", "[shrink]") {
  Bench bench;
  Scorer scorer = bench.scorer();
  bench.stop.request();
  CHECK(contains(error_of([&] { bench.shrink(scorer, 7, 4); }), "interrupted: "));
  CHECK(scorer.evaluations() == 0);
}

TEST_CASE("each decision is one log line with the runner-up and the margin", "[shrink]") {
  Bench bench;
  bench.log.attach_file(bench.folder / "log.txt");
  bench.evaluator.plant(7, 1);
  bench.subspace.ops[6] = {2};
  bench.subspace.ops[7] = {0, 1};
  Scorer scorer = bench.scorer();
  bench.shrink(scorer, 7, 2);
  const std::string text = read_file(bench.folder / "log.txt");
  CHECK(contains(text, "layer 7: kept shuffle_k5 (Q 0."));
  CHECK(contains(text, "), ahead of shuffle_k3 by 0."));
  CHECK(contains(text, " standard errors)"));
  CHECK(contains(text, "layer 6: shuffle_k7 is the only operator left"));
}

TEST_CASE("a decision is written with names, as its golden text", "[shrink]") {
  const LayerDecision decision{.layer = 7,
                               .kept = 1,
                               .operators = {{.op = 1, .q = 0.75, .spread = 0.125},
                                             {.op = 4,
                                              .q = 0.5,
                                              .spread = 0.25,
                                              .difference = -0.25,
                                              .standard_error = 0.0625,
                                              .within_budget = false}}};
  CHECK(
      all_json({decision}, shipped_space("fashion-28")).at(0).dump() ==
      R"({"kept":"shuffle_k5","layer":7,"operators":[)"
      R"({"difference":0.0,"op":"shuffle_k5","q":0.75,"spread":0.125,"standard_error":0.0,"within_budget":true},)"
      R"({"difference":-0.25,"op":"skip","q":0.5,"spread":0.25,"standard_error":0.0625,)"
      R"("within_budget":false}]})");
}

TEST_CASE("as a row of the table it shrinks a region stage by stage, as layer by layer",
          "[shrink]") {
  Bench whole;
  Scorer all = whole.scorer();
  const json decisions = all_json(whole.shrink(all, 7, 4), whole.space);

  Bench bench;
  Scorer scorer = bench.scorer();
  ShrinkConfig config;
  config.samples = 20;
  config.stages = {{.layers = 1}, {.layers = 3}};
  const ShrinkTools tools{.scorer = scorer, .seed = 1, .log = bench.log, .stop = bench.stop};
  const Shrinker& progressive = shrinkers().front();
  CHECK(progressive.name == "progressive");
  const ShrunkRegion first = progressive.shrink(bench.subspace, config, 0, tools);
  const ShrunkRegion second = progressive.shrink(*first.region, config, 1, tools);
  std::vector<LayerDecision> taken = first.decisions;
  taken.insert(taken.end(), second.decisions.begin(), second.decisions.end());
  CHECK(all_json(taken, bench.space) == decisions);
  CHECK(second.region->axes() == whole.subspace.axes());
  const ShrinkForecast forecast = progressive.forecast(config, 1, bench.space, 10.0);
  CHECK(forecast.evaluations == 3 * 5 * 20);
  CHECK(forecast.log10_size == Approx(10.0 - 3.0 * std::log10(5.0)));
  CHECK(forecast.what == "3 layers");
  CHECK(forecast.middle_layer == 5);  // After layer 7, it decides 6, 5 and 4.
  const std::vector<Architecture> list{bench.space.uniform(0)};
  CHECK(contains(
      error_of([&] { progressive.shrink(ListedNetworks(bench.space, list), config, 0, tools); }),
      "needs a region with a set of choices per layer"));
}

TEST_CASE("every shrinker leaves a region inside the one it got, in which samples still score",
          "[shrink]") {
  for (const Shrinker& shrinker : shrinkers()) {
    CAPTURE(shrinker.name);
    Bench bench;
    Scorer scorer = bench.scorer();
    ShrinkConfig config;
    config.samples = 20;
    config.seeds = 3;
    config.stages = {{.layers = 2, .radius = 2}};
    config.method = std::string(shrinker.name);
    const ShrunkRegion smaller =
        shrinker.shrink(bench.subspace, config, 0,
                        {.scorer = scorer, .seed = 1, .log = bench.log, .stop = bench.stop});
    CHECK(smaller.region->log10_size() < bench.subspace.log10_size());
    CHECK(smaller.best.size() >= 5);
    for (std::size_t i = 0; i < smaller.best.size(); ++i) {
      CHECK(smaller.region->contains(smaller.best[i].arch));
      if (i > 0) CHECK(smaller.best[i].score <= smaller.best[i - 1].score);
    }
    Rng rng(1, "test");
    for (int i = 0; i < 50; ++i) {
      const Genes genes = smaller.region->sample(rng);
      CHECK(smaller.region->contains(genes));
      CHECK(bench.subspace.contains(genes));
    }
  }
}
