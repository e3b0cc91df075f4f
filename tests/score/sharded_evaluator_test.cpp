#include "hsconas/score/sharded_evaluator.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/search/search.hpp"
#include "hsconas/shrink/progressive.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"
#include "support/thread_group.hpp"

using namespace hsconas;

namespace {

using Archs = std::vector<Architecture>;

/// Counts what it is asked for. Keeps the answers of what it judged in full in a race, as the
/// supernet's evaluator does.
class Judge : public CountingEvaluator {
 public:
  explicit Judge(const SearchSpace& space) : CountingEvaluator(space) {}

  std::vector<Judgement> judge(std::span<const Architecture> archs, const Race& race) override {
    for (const Architecture& rival : race.rivals) {
      if (race.confidence < 1.0 && !answers_.contains(rival)) ++rivals_judged;
    }
    calls.push_back({archs.begin(), archs.end()});
    auto judgements = CountingEvaluator::judge(archs, race);
    for (std::size_t i = 0; i < archs.size(); ++i) {
      if (race.confidence < 1.0 && judgements[i].images == 0) {
        answers_[archs[i]] = answers_of(archs[i]);
      }
    }
    if (on_judged) on_judged();
    return judgements;
  }
  void forget() override { answers_.clear(); }
  AnswersByArchitecture* known_answers() override { return &answers_; }

  std::vector<Archs> calls;
  int rivals_judged = 0;
  std::function<void()> on_judged;

 private:
  AnswersByArchitecture answers_;
};

/// The ranks of a group, each with a Judge.
struct Ranks {
  const SearchSpace& space;
  std::vector<std::unique_ptr<Judge>> judges{};
  std::vector<std::unique_ptr<StopToken>> stops{};
  std::vector<std::string> ends{};

  using Work = std::function<void(ShardedEvaluator& evaluator, std::size_t rank,
                                  const std::shared_ptr<ProcessGroup>& group)>;

  void run(int size, const Work& work) {
    judges.clear();
    stops.clear();
    for (int rank = 0; rank < size; ++rank) {
      judges.push_back(std::make_unique<Judge>(space));
      stops.push_back(std::make_unique<StopToken>());
    }
    ends = run_ranks(size, [&](const std::shared_ptr<ProcessGroup>& group) {
      const auto rank = static_cast<std::size_t>(group->rank());
      ShardedEvaluator evaluator(*judges[rank], space, GroupStop(*stops[rank], group));
      work(evaluator, rank, group);
    });
  }
  bool all_end(const std::string& how) const {
    return std::all_of(ends.begin(), ends.end(), [&](const auto& end) { return end == how; });
  }
  /// How many architectures all judges together were asked for.
  std::size_t judged() const {
    std::size_t count = 0;
    for (const auto& judge : judges) {
      for (const Archs& call : judge->calls) count += call.size();
    }
    return count;
  }
};

Archs random_archs(const SearchSpace& space, int count, std::uint64_t seed) {
  Rng rng(seed, "sharded");
  Archs archs;
  for (int i = 0; i < count; ++i) archs.push_back(sample(Subspace::full(space), rng));
  return archs;
}

/// A race in which about half of `archs` are given up.
Race race_of(const SearchSpace& space, const Archs& archs, Archs rivals) {
  const FakeEvaluator truth(space);
  std::vector<double> accuracies;
  for (const Architecture& arch : archs) accuracies.push_back(truth.accuracy_of(arch));
  std::nth_element(accuracies.begin(), accuracies.begin() + std::ssize(accuracies) / 2,
                   accuracies.end());
  return {.floors = std::vector(archs.size(), accuracies[accuracies.size() / 2]),
          .confidence = 0.95,
          .rivals = std::move(rivals)};
}

}  // namespace

TEST_CASE("judgements shared out among ranks are those of one evaluator", "[score][group]") {
  const SearchSpace space = tiny_space(4);
  const Archs archs = random_archs(space, 40, 1);
  const Race race = race_of(space, archs, random_archs(space, 3, 2));
  Judge alone(space);
  const auto accuracies = alone.accuracy(archs);
  const auto judgements = alone.judge(archs, race);
  const auto given_up = std::count_if(judgements.begin(), judgements.end(),
                                      [](const Judgement& one) { return one.images != 0; });
  REQUIRE(given_up > 5);
  REQUIRE(given_up < 35);
  for (const int size : {1, 2, 3, 4}) {
    CAPTURE(size);
    std::array<std::vector<double>, 4> found;
    std::array<std::vector<Judgement>, 4> raced;
    std::array<std::size_t, 4> images{};
    Ranks ranks{space};
    ranks.run(size, [&](ShardedEvaluator& evaluator, std::size_t rank, const auto&) {
      found[rank] = evaluator.accuracy(archs);
      raced[rank] = evaluator.judge(archs, race);
      images[rank] = static_cast<std::size_t>(evaluator.images());
      if (!evaluator.accuracy({}).empty()) throw Error(ErrorKind::Internal, "not empty");
    });
    CHECK(ranks.all_end("nothing"));
    for (int rank = 0; rank < size; ++rank) {
      CHECK(found[static_cast<std::size_t>(rank)] == accuracies);
      CHECK(raced[static_cast<std::size_t>(rank)] == judgements);
      CHECK(images[static_cast<std::size_t>(rank)] == 2000);
    }
    // Each architecture is judged by one rank, once as a candidate of each call. A rival is judged
    // once more where several ranks have to know its answers.
    CHECK(ranks.judged() == 2 * archs.size() + (size == 1 ? 0 : race.rivals.size()));
  }
}

TEST_CASE("answers of rivals reach all ranks, so nobody judges a rival again", "[score][group]") {
  const SearchSpace space = tiny_space(4);
  const Archs first = random_archs(space, 12, 1);
  const Archs second = random_archs(space, 12, 2);
  const Race open{.floors = std::vector(first.size(), 0.0), .confidence = 0.95, .rivals = {}};
  Race with_rivals = race_of(space, second, {first[0], first[5], first[11]});
  std::array<AnswersByArchitecture, 3> answers;
  Ranks ranks{space};
  ranks.run(3, [&](ShardedEvaluator& evaluator, std::size_t rank, const auto&) {
    evaluator.judge(first, open);
    answers[rank] = *evaluator.known_answers();
    evaluator.judge(second, with_rivals);
    evaluator.forget();
    if (!evaluator.known_answers()->empty()) throw Error(ErrorKind::Internal, "not forgotten");
  });
  CHECK(ranks.all_end("nothing"));
  CHECK(ranks.judged() == first.size() + second.size());
  for (std::size_t rank = 0; rank < 3; ++rank) {
    CHECK(ranks.judges[rank]->rivals_judged == 0);
    CHECK(answers[rank] == answers[0]);
  }
  Judge alone(space);
  alone.judge(first, open);
  CHECK(answers[0] == *alone.known_answers());
}

TEST_CASE("architectures that share their first layers are judged by one rank together",
          "[score][group]") {
  const SearchSpace space = tiny_space(8);
  Archs archs;
  for (Architecture arch : random_archs(space, 20, 3)) {
    for (int op = 0; op < space.ops(); ++op) {
      arch.back().op = op;
      archs.push_back(arch);
    }
  }
  Ranks ranks{space};
  ranks.run(
      2, [&](ShardedEvaluator& evaluator, std::size_t, const auto&) { evaluator.accuracy(archs); });
  std::size_t calls = 0;
  for (const auto& judge : ranks.judges) {
    for (const Archs& call : judge->calls) {
      ++calls;
      CHECK(call.size() <= 8);
      // The variants of a sample are not torn apart.
      for (const Architecture& arch : call) {
        const auto variants = std::count_if(call.begin(), call.end(), [&](const auto& other) {
          return std::equal(arch.begin(), arch.end() - 1, other.begin());
        });
        CHECK(variants >= 2);
      }
    }
  }
  CHECK(calls <= 30);
}

TEST_CASE("a stop on one rank ends a shared call on all ranks", "[score][group]") {
  const SearchSpace space = tiny_space(4);
  const Archs archs = random_archs(space, 30, 1);
  const std::string interrupted = "interrupted: stopped on request; --resume continues";
  for (const std::size_t stopped : {0U, 1U, 2U}) {
    Ranks ranks{space};
    ranks.run(3, [&](ShardedEvaluator& evaluator, std::size_t rank, const auto& group) {
      if (rank == stopped) {
        // The others wait for this rank's part of the sum, whether or not they find units.
        ranks.stops[rank]->request();
      }
      evaluator.accuracy(archs);
      group->leave();
    });
    CHECK(ranks.all_end(ranks.judged() == archs.size() ? "nothing" : interrupted));
    CHECK(ranks.judges[stopped]->calls.empty());
  }
  // A rank that works alone on the call is stopped after its first unit.
  Ranks two{space};
  two.run(2, [&](ShardedEvaluator& evaluator, std::size_t rank, const auto&) {
    two.judges[rank]->on_judged = [&, rank] { two.stops[rank]->request(); };
    evaluator.accuracy(archs);
  });
  CHECK(two.all_end(interrupted));
  CHECK(two.judged() < archs.size());
}

TEST_CASE("evaluators of the same group do not take each other's units", "[score][group]") {
  const SearchSpace space = tiny_space(4);
  const Archs archs = random_archs(space, 10, 1);
  const auto expected = Judge(space).accuracy(archs);
  std::array<std::vector<double>, 2> found;
  Ranks ranks{space};
  ranks.run(2, [&](ShardedEvaluator& evaluator, std::size_t rank, const auto& group) {
    Judge other(space);
    const StopToken stop;
    evaluator.accuracy(archs);
    ShardedEvaluator second(other, space, GroupStop(stop, group));
    found[rank] = second.accuracy(archs);
  });
  CHECK(found[0] == expected);
  CHECK(found[1] == expected);
}

TEST_CASE("shrinking and a search with racing find the same, whoever judges", "[score][group]") {
  const SearchSpace space = tiny_space(4);
  const SearchConfig config{
      .population = 24, .generations = 4, .parents = 8, .latency_tolerance = 0.5, .racing = 0.95};
  struct Found {
    SearchResult search;
    Subspace shrunk;
    int evaluations = 0;
    double full_evaluations = 0.0;
  };
  std::array<Found, 4> found;
  std::size_t judged = 0;
  for (const int size : {1, 2, 3, 4}) {
    CAPTURE(size);
    Ranks ranks{space};
    ranks.run(size, [&](ShardedEvaluator& evaluator, std::size_t rank, const auto& group) {
      Log log(Verbosity::Quiet, false);
      const FakeLatency latency(space);
      Scorer scorer(space, evaluator, latency, {.target_ms = 3.0}, {}, GroupFiles(group));
      const GroupStop stop(*ranks.stops[rank], group);
      Found mine{.search = {}, .shrunk = Subspace::full(space)};
      shrink_layers(mine.shrunk, space.layers() - 1, 1, 30, scorer, 1, log, stop);
      mine.search = search(mine.shrunk, scorer, config, 1, log, stop, [](const Generation&) {});
      mine.evaluations = scorer.evaluations();
      mine.full_evaluations = scorer.full_evaluations();
      if (size == 1 || rank + 1 == static_cast<std::size_t>(size)) found[rank] = mine;
    });
    CHECK(ranks.all_end("nothing"));
    if (size == 1) judged = ranks.judged();
    const Found& one = found[0];
    const Found& many = found[static_cast<std::size_t>(size) - 1];
    REQUIRE(one.full_evaluations < one.evaluations - 1.0);  // Some were given up.
    CHECK(many.search.best.arch == one.search.best.arch);
    CHECK(many.search.best.score == one.search.best.score);
    CHECK(many.shrunk.ops == one.shrunk.ops);
    CHECK(many.evaluations == one.evaluations);
    CHECK(many.full_evaluations == one.full_evaluations);
    // Shrinking leaves no answers, so rivals that it has judged are judged once more.
    CHECK(ranks.judged() <= judged + static_cast<std::size_t>(config.parents));
    for (const auto& judge : ranks.judges) CHECK((size == 1 || judge->rivals_judged == 0));
    REQUIRE(many.search.scored.size() == one.search.scored.size());
    for (std::size_t i = 0; i < one.search.scored.size(); ++i) {
      CHECK(many.search.scored[i].arch == one.search.scored[i].arch);
      CHECK(many.search.scored[i].accuracy == one.search.scored[i].accuracy);
      CHECK(many.search.scored[i].images == one.search.scored[i].images);
    }
  }
}
