#include "hsconas/search/search.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "catch.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/score/target.hpp"
#include "hsconas/search/front.hpp"
#include "hsconas/search/methods.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// A space with fakes; the target lies at `position` between its fastest and slowest network.
struct NetworkBench {
  explicit NetworkBench(SearchSpace made, double position = 0.5, std::uint64_t evaluator_seed = 1)
      : space(std::move(made)), evaluator(space, evaluator_seed), latency(space) {
    const LatencyRange range = latency_range(latency, subspace);
    objective.target_ms = range.fastest_ms + position * (range.slowest_ms - range.fastest_ms);
    config.population = 20;
    config.generations = 6;
    config.parents = 5;
  }

  SearchSpace space;
  FakeEvaluator evaluator;
  FakeLatency latency;
  Objective objective{.target_ms = 1.0, .beta = -0.3};
  Subspace subspace = Subspace::full(space);
  SearchConfig config;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  TemporaryFolder folder;

  Scorer scorer(const std::filesystem::path& csv = {}) {
    return {space, evaluator, latency, objective, csv};
  }

  SearchResult run(Scorer& scorer, std::uint64_t seed = 1) {
    return search(subspace, scorer, config, seed, log, stop);
  }
  SearchResult run(std::uint64_t seed = 1) {
    Scorer fresh = scorer();
    return run(fresh, seed);
  }

  /// The best F of all architectures within the tolerance, by trying all.
  double optimum() {
    Scorer fresh = scorer();
    double best = -1e9;
    for (const Candidate& c : fresh.score(enumerate(subspace))) {
      const bool is_near = objective.gap(c.latency_ms) <= config.latency_tolerance;
      if (is_near) best = std::max(best, c.score);
    }
    return best;
  }
};

SearchSpace fashion() {
  return shipped_space("fashion-28");
}

void check_same(const SearchResult& a, const SearchResult& b) {
  REQUIRE(a.scored.size() == b.scored.size());
  for (std::size_t i = 0; i < a.scored.size(); ++i) {
    CHECK(a.scored[i].arch == b.scored[i].arch);
    CHECK(a.scored[i].score == b.scored[i].score);
  }
  CHECK(a.best.arch == b.best.arch);
  REQUIRE(a.history.size() == b.history.size());
  for (std::size_t i = 0; i < a.history.size(); ++i) {
    CHECK(a.history[i].mean_score == b.history[i].mean_score);
    CHECK(a.history[i].hypervolume == b.history[i].hypervolume);
  }
  REQUIRE(a.front.size() == b.front.size());
  for (std::size_t i = 0; i < a.front.size(); ++i) CHECK(a.front[i].arch == b.front[i].arch);
}

}  // namespace

TEST_CASE("random architectures come near any target inside the range", "[search]") {
  for (const double position : {0.0, 0.1, 0.5, 0.9, 1.0}) {
    NetworkBench bench(fashion(), position);
    const Scorer scorer = bench.scorer();
    Rng rng(1, "test");
    std::set<Architecture> different;
    for (int i = 0; i < 40; ++i) {
      const Architecture arch = sample_near_target(bench.subspace, scorer, 0.05, rng);
      CHECK(scorer.gap(arch) <= 0.05);
      CHECK(bench.subspace.contains(arch));
      different.insert(arch);
    }
    CHECK(different.size() > 30);
  }
}

TEST_CASE("a target above the slowest network gives networks near the slowest", "[search]") {
  NetworkBench bench(fashion(), 1.5);
  const Scorer scorer = bench.scorer();
  const double slowest_ms = latency_range(bench.latency, bench.subspace).slowest_ms;
  Rng rng(1, "test");
  std::set<Architecture> different;
  for (int i = 0; i < 20; ++i) {
    const Architecture arch = sample_near_target(bench.subspace, scorer, 0.05, rng);
    CHECK(scorer.latency_ms(arch) >= slowest_ms - 0.0501 * bench.objective.target_ms);
    different.insert(arch);
  }
  CHECK(different.size() > 10);
  CHECK(bench.run().scored.size() == 140);
}

TEST_CASE("where nothing lies within the tolerance, the nearest reached is returned", "[search]") {
  NetworkBench bench(tiny_space(1), 0.4);
  const Scorer scorer = bench.scorer();
  double nearest = 1e9;
  for (const Architecture& arch : enumerate(bench.subspace)) {
    nearest = std::min(nearest, scorer.gap(arch));
  }
  REQUIRE(nearest > 1e-6);
  Rng rng(1, "test");
  for (int i = 0; i < 10; ++i) {
    CHECK(scorer.gap(sample_near_target(bench.subspace, scorer, 1e-6, rng)) == Approx(nearest));
  }
  bench.config.latency_tolerance = 1e-6;
  const SearchResult result = bench.run();
  CHECK(bench.objective.gap(result.best.latency_ms) == Approx(nearest));
}

TEST_CASE("a target below the fastest network is infeasible", "[search]") {
  NetworkBench bench(fashion());
  const double fastest_ms = latency_range(bench.latency, bench.subspace).fastest_ms;
  bench.objective.target_ms = 0.5 * fastest_ms;
  CHECK(contains(error_of([&] { bench.run(); }), "infeasible: no architecture meets"));
  bench.objective.target_ms = 0.97 * fastest_ms;  // Within the tolerance.
  CHECK(bench.run().best.latency_ms >= fastest_ms);
}

TEST_CASE("no method scores a network twice or leaves the region or the tolerance", "[search]") {
  for (const SearchMethod& method : search_methods()) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(method.name, seed);
      NetworkBench bench(fashion());
      bench.config.method = method.name;
      bench.subspace.ops[7] = {3};
      bench.subspace.ops[6] = {0, 4};
      Scorer scorer = bench.scorer();
      const SearchResult result = bench.run(scorer, seed);
      CHECK(method.evaluations(bench.config) == 20 * 7);
      CHECK(result.scored.size() == 20 * 7);
      CHECK(result.history.size() == 7);
      CHECK(scorer.evaluations() == 20 * 7);
      std::set<Architecture> seen;
      for (const Candidate& candidate : result.scored) {
        CHECK(seen.insert(candidate.arch).second);
        CHECK(bench.space.canonical(candidate.arch) == candidate.arch);
        CHECK(bench.subspace.contains(candidate.arch));
        if (method.finds_front) {
          CHECK(candidate.latency_ms <= 1.05 * bench.objective.target_ms);
        } else {
          CHECK(bench.objective.gap(candidate.latency_ms) <= 0.05);
        }
      }
    }
  }
}

TEST_CASE("every method repeats itself, also when a cache already knows the accuracies",
          "[search]") {
  for (const SearchMethod& method : search_methods()) {
    CAPTURE(method.name);
    NetworkBench bench(fashion());
    bench.config.method = method.name;
    const auto csv = bench.folder / fmt::format("{}.csv", method.name);
    Scorer first = bench.scorer(csv);
    const SearchResult whole = bench.run(first);
    Scorer again = bench.scorer(csv);
    check_same(bench.run(again), whole);
    CHECK(again.evaluations() == 0);
    bench.evaluator.interrupt_at = std::ssize(bench.evaluator.asked) + 70;
    const auto stopped = bench.folder / fmt::format("{}-stopped.csv", method.name);
    Scorer part = bench.scorer(stopped);
    CHECK(contains(error_of([&] { bench.run(part); }), "interrupted: "));
    bench.evaluator.interrupt_at = -1;
    Scorer rest = bench.scorer(stopped);
    check_same(bench.run(rest), whole);
    CHECK(read_file(stopped) == read_file(csv));
  }
}

TEST_CASE("every method that learns beats random search at equal evaluations", "[search]") {
  for (const SearchMethod& method : search_methods()) {
    // A front is compared with fronts, not with the best at one latency.
    if (method.name == "random" || method.finds_front) continue;
    CAPTURE(method.name);
    std::vector<double> gains;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      NetworkBench bench(fashion(), 0.5, seed);
      bench.config.method = method.name;
      const SearchResult learned = bench.run(seed);
      bench.config.method = "random";
      gains.push_back(learned.best.score - bench.run(seed).best.score);
    }
    // By more than chance: two standard errors of the mean gain.
    CHECK(mean(gains) > 2.0 * standard_deviation(gains) / std::sqrt(20.0));
  }
}

TEST_CASE("narrowed widths are respected although canonical forms may leave them", "[search]") {
  NetworkBench bench(fashion());
  for (auto& widths : bench.subspace.widths) widths = {0, 2, 4};
  bench.config.latency_tolerance = 1.0;
  const SearchResult result = bench.run();
  for (const Candidate& candidate : result.scored) {
    for (int layer = 0; layer < bench.space.layers(); ++layer) {
      const LayerChoice choice = candidate.arch[static_cast<std::size_t>(layer)];
      const int mid = bench.space.mid_channels(layer, choice);
      bool allowed = false;
      for (const int width : {0, 2, 4}) {
        allowed = allowed || bench.space.mid_channels(layer, {choice.op, width}) == mid;
      }
      CHECK(allowed);
    }
  }
}

TEST_CASE("the history counts evaluations and its best never decreases", "[search]") {
  NetworkBench bench(fashion());
  const SearchResult result = bench.run();
  REQUIRE(result.history.size() == 7);
  double best = -1e9;
  std::size_t at = 0;
  for (const Generation& generation : result.history) {
    std::vector<double> scores;
    while (at < static_cast<std::size_t>(generation.evaluations)) {
      scores.push_back(result.scored[at++].score);
    }
    best = std::max(best, *std::max_element(scores.begin(), scores.end()));
    CHECK(scores.size() == 20);
    CHECK(generation.best_score == best);
    CHECK(generation.mean_score == Approx(mean(scores)));
  }
  CHECK(result.best.score == best);
  CHECK(result.history.back().mean_score > result.history.front().mean_score);
}

TEST_CASE("evolution beats random search at equal evaluations", "[search]") {
  int wins = 0;
  double total_gain = 0.0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    NetworkBench bench(fashion(), 0.5, seed);
    const SearchResult evolved = bench.run(seed);
    bench.config.method = "random";
    const SearchResult drawn = bench.run(seed);
    REQUIRE(evolved.scored.size() == drawn.scored.size());
    const double gain = evolved.best.score - drawn.best.score;
    wins += gain > 0.0 ? 1 : 0;
    total_gain += gain;
    CHECK(gain > -0.005);
  }
  CHECK(wins >= 18);
  CHECK(total_gain / 20.0 > 0.01);
}

TEST_CASE("evolution finds the known optimum of a space that can be enumerated", "[search]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    NetworkBench bench(tiny_space(4), 0.5, seed);  // 625 networks; at most 260 are evaluated.
    bench.config.generations = 12;
    CHECK(bench.run(seed).best.score == bench.optimum());
  }
}

TEST_CASE("a nearly exhausted space ends the search instead of looping for ever", "[search]") {
  for (const SearchMethod& method : search_methods()) {
    CAPTURE(method.name);
    NetworkBench bench(tiny_space(2));
    bench.config.method = method.name;
    bench.config.latency_tolerance = 1.0;
    const SearchResult result = bench.run();
    CHECK(result.scored.size() == 25);  // (2 + 2 + 1) choices in each of two layers.
    CHECK(result.history.size() == 2);
    if (!method.finds_front) CHECK(result.best.score == bench.optimum());

    bench.subspace = Subspace::only({{0, 0}, {2, 0}});
    CHECK(bench.run().scored.size() == 1);
  }
}

TEST_CASE("the same seeds give the same search, other seeds another", "[search]") {
  NetworkBench bench(fashion());
  const SearchResult first = bench.run(3);
  check_same(bench.run(3), first);
  CHECK_FALSE(bench.run(4).scored[0].arch == first.scored[0].arch);
  bench.config.seed = 1;
  CHECK_FALSE(bench.run(3).scored[0].arch == first.scored[0].arch);
}

TEST_CASE("of equally good architectures the one scored first wins", "[search]") {
  class Flat : public Evaluator {
   public:
    std::vector<double> accuracy(std::span<const Architecture> archs) override {
      return std::vector<double>(archs.size(), 0.5);
    }
  };
  NetworkBench bench(fashion());
  bench.objective.beta = 0.0;
  Flat flat;
  Scorer scorer(bench.space, flat, bench.latency, bench.objective);
  const SearchResult result = bench.run(scorer);
  CHECK(result.best.arch == result.scored[0].arch);
  CHECK(result.scored.size() == 140);
}

TEST_CASE("a search stopped in the middle and resumed equals an uninterrupted one", "[search]") {
  NetworkBench bench(fashion());
  const SearchResult whole = bench.run();

  NetworkBench stopped(fashion());
  const auto csv = stopped.folder / "candidates.csv";
  int evaluations = 0;
  for (const std::ptrdiff_t limit : {10, 50, 77, -1}) {
    stopped.evaluator.interrupt_at = limit;
    Scorer scorer = stopped.scorer(csv);
    if (limit >= 0) {
      CHECK(contains(error_of([&] { stopped.run(scorer); }), "interrupted: "));
    } else {
      check_same(stopped.run(scorer), whole);
    }
    evaluations += scorer.evaluations();
  }
  CHECK(evaluations == 140);

  Scorer replay = stopped.scorer(csv);
  check_same(stopped.run(replay), whole);
  CHECK(replay.evaluations() == 0);
}

TEST_CASE("a racing evolution finds the winner of the full one with fewer images", "[search]") {
  int same = 0;
  double full = 0.0;
  double raced = 0.0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    NetworkBench bench(fashion());
    CountingEvaluator counting(bench.space, seed);
    const auto run = [&](double confidence, double& evaluations) {
      bench.config.racing = confidence;
      Scorer scorer(bench.space, counting, bench.latency, bench.objective);
      const SearchResult result = bench.run(scorer, seed);
      evaluations += scorer.full_evaluations();
      CHECK(result.best.images == 0);
      return result.best.arch;
    };
    same += run(0.999, raced) == run(1.0, full) ? 1 : 0;
  }
  CHECK(same >= 9);
  CHECK(full == 10 * 140);
  CHECK(raced < 0.8 * full);
}

TEST_CASE("a racing search stopped in the middle and resumed equals an uninterrupted one",
          "[search]") {
  NetworkBench bench(fashion());
  CountingEvaluator counting(bench.space);
  const auto csv = bench.folder / "candidates.csv";
  Scorer whole(bench.space, counting, bench.latency, bench.objective, csv);
  const SearchResult result = bench.run(whole);
  const auto lines = split(read_file(csv), '\n');
  // As after a stop between any two writes of the file: whole chunks.
  for (const std::size_t kept : {std::size_t{17}, std::size_t{53}}) {
    std::string contents;
    for (std::size_t i = 0; i < kept; ++i) contents += lines[i] + "\n";
    write_file(csv, contents);
    Scorer resumed(bench.space, counting, bench.latency, bench.objective, csv);
    check_same(bench.run(resumed), result);
    CHECK(split(read_file(csv), '\n') == lines);
  }
}

TEST_CASE("every racing method stopped in the middle and resumed equals an uninterrupted one",
          "[search]") {
  for (const SearchMethod& method : search_methods()) {
    CAPTURE(method.name);
    NetworkBench bench(fashion());
    bench.config.method = method.name;
    bench.config.generations = 4;
    CountingEvaluator counting(bench.space);
    const auto csv = bench.folder / fmt::format("{}.csv", method.name);
    Scorer whole(bench.space, counting, bench.latency, bench.objective, csv);
    const SearchResult result = bench.run(whole);
    const auto lines = split(read_file(csv), '\n');
    std::string contents;
    for (std::size_t i = 0; i < 41; ++i) contents += lines[i] + "\n";
    write_file(csv, contents);
    Scorer resumed(bench.space, counting, bench.latency, bench.objective, csv);
    check_same(bench.run(resumed), result);
    CHECK(split(read_file(csv), '\n') == lines);
  }
}

TEST_CASE("a front has no dominated network, reaches from fast to accurate, and grows",
          "[search]") {
  NetworkBench bench(fashion(), 0.9);
  bench.config.method = "nsga2";
  bench.config.population = 20;
  bench.config.generations = 14;
  const SearchResult result = bench.run();
  REQUIRE(result.front.size() > 10);
  for (std::size_t i = 1; i < result.front.size(); ++i) {
    CHECK(result.front[i].latency_ms > result.front[i - 1].latency_ms);
    CHECK(result.front[i].accuracy > result.front[i - 1].accuracy);
  }
  for (const Candidate& candidate : result.scored) {
    CHECK(candidate.images == 0);
    CHECK(std::any_of(result.front.begin(), result.front.end(), [&](const Candidate& member) {
      return member.latency_ms <= candidate.latency_ms && member.accuracy >= candidate.accuracy;
    }));
  }
  // The winner is the most accurate within T.
  CHECK(result.best.latency_ms <= bench.objective.target_ms);
  for (const Candidate& candidate : result.front) {
    if (candidate.latency_ms > bench.objective.target_ms) continue;
    CHECK(candidate.accuracy <= result.best.accuracy);
  }
  CHECK(result.front.back().latency_ms > 2.0 * result.front.front().latency_ms);
  double before = 0.0;
  for (const Generation& generation : result.history) {
    CHECK(generation.hypervolume >= before);
    CHECK(generation.hypervolume < 1.0);
    before = generation.hypervolume;
  }
  CHECK(before > result.history.front().hypervolume);
  bench.config.method = "evolution";
  const SearchResult other = bench.run();
  CHECK(other.front.empty());
  CHECK(other.history.back().hypervolume == 0.0);
}

TEST_CASE("the front of NSGA-II covers more than that of as many random networks", "[search]") {
  std::vector<double> gains;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    NetworkBench bench(fashion(), 0.9, seed);
    bench.config.method = "nsga2";
    const SearchResult found = bench.run(seed);
    Scorer scorer = bench.scorer();
    Rng rng(seed, "test");
    std::vector<Objectives> points;
    const double highest_ms = 1.05 * bench.objective.target_ms;
    while (points.size() < found.scored.size()) {
      const Architecture arch = sample(bench.subspace, rng);
      if (scorer.latency_ms(arch) > highest_ms) continue;
      points.push_back(
          {1.0 - bench.evaluator.accuracy_of(arch), scorer.latency_ms(arch) / highest_ms});
    }
    gains.push_back(found.history.back().hypervolume - hypervolume(points, {1.0, 1.0}));
  }
  CHECK(mean(gains) > 2.0 * standard_deviation(gains) / std::sqrt(20.0));
}

TEST_CASE("tight budgets leave a front the networks below them", "[search]") {
  NetworkBench bench(fashion(), 0.02);
  bench.config.method = "nsga2";
  bench.config.generations = 1;
  const SearchResult result = bench.run();
  CHECK(result.scored.size() == 40);
  for (const Candidate& candidate : result.scored) {
    CHECK(candidate.latency_ms <= 1.05 * bench.objective.target_ms);
  }
}

TEST_CASE("a stop request ends the search before the next evaluations", "[search]") {
  NetworkBench bench(fashion());
  bench.stop.request();
  Scorer scorer = bench.scorer();
  CHECK(contains(error_of([&] { bench.run(scorer); }), "interrupted: "));
  CHECK(scorer.evaluations() == 0);
}

TEST_CASE("an unknown method is a usage error that lists the methods", "[search]") {
  NetworkBench bench(fashion());
  bench.config.method = "annealing";
  const std::string error = error_of([&] { bench.run(); });
  CHECK(error.starts_with("usage: search.method must be one of "));
  for (const SearchMethod& method : search_methods()) {
    CHECK(contains(error, std::string(method.name)));
  }
  CHECK(contains(error, "got \"annealing\""));
}
