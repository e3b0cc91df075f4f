#include "hsconas/score/accuracy_cache.hpp"

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

using Archs = std::vector<Architecture>;

}  // namespace

TEST_CASE("several objectives share one cache: an accuracy does not depend on the budget",
          "[score]") {
  const SearchSpace space = tiny_space();
  FakeEvaluator evaluator(space);
  const FakeLatency latency(space);
  AccuracyCache accuracies(space, evaluator);
  Scorer tight(accuracies, latency, {.target_ms = 1.2, .beta = -0.3});
  Scorer loose(accuracies, latency, {.target_ms = 2.4, .beta = -0.1});
  const Archs archs{space.uniform(0), space.uniform(1)};
  const auto first = tight.score(archs);
  const auto second = loose.score(archs);
  CHECK(evaluator.asked.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(first[i].accuracy == second[i].accuracy);
    CHECK(first[i].score != second[i].score);
  }
  CHECK(accuracies.accuracies(archs) == std::vector{first[0].accuracy, first[1].accuracy});
  CHECK(evaluator.asked.size() == 2);
}

TEST_CASE("the columns that follow from accuracies are the caller's, also infinite latencies",
          "[score]") {
  const SearchSpace space = tiny_space();
  FakeEvaluator evaluator(space);
  const TemporaryFolder folder;
  const auto csv = folder / "candidates.csv";
  const Archs archs{space.uniform(0)};
  const auto make = [&](double ms) {
    return AccuracyCache(space, evaluator, csv, [ms](const Architecture&, double accuracy) {
      return AccuracyCache::Columns{ms, accuracy};
    });
  };
  const double accuracy = make(std::numeric_limits<double>::infinity()).accuracies(archs)[0];
  CHECK(contains(read_file(csv), ",all,inf,"));
  AccuracyCache again = make(2.5);
  CHECK(again.accuracies(archs)[0] == accuracy);
  CHECK(again.evaluations() == 0);
  CHECK(contains(read_file(csv), ",all,2.5,"));
}

TEST_CASE("floors stay with their architectures across chunks", "[score]") {
  const SearchSpace space = tiny_space();
  CountingEvaluator evaluator(space);
  AccuracyCache accuracies(space, evaluator);
  Archs archs;
  for (const Architecture& arch : enumerate(Subspace::full(space))) {
    if (space.canonical(arch) == arch) archs.push_back(arch);
  }
  REQUIRE(archs.size() > 2 * AccuracyCache::kChunk);
  Race race{.floors = std::vector(archs.size(), 0.0), .confidence = 0.99, .rivals = {}};
  for (std::size_t i = 0; i < archs.size(); i += 2) race.floors[i] = 1.0;
  const auto judgements = accuracies.judgements(archs, race);
  for (std::size_t i = 0; i < archs.size(); ++i) {
    CHECK((judgements[i].images == 0) == (i % 2 == 1));
  }
}
