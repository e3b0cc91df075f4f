#include "hsconas/score/scorer.hpp"

#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "catch.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

using Archs = std::vector<Architecture>;

const std::string kHeader = "weights,arch,accuracy,at_most,images,latency_ms,score,crc32\n";

std::string sealed(const std::string& line) {
  return fmt::format("{},{}\n", line, crc32_of(line));
}

/// A tiny space with fakes and a folder: everything a Scorer needs.
struct Bench {
  SearchSpace space = tiny_space();
  FakeEvaluator evaluator{space};
  FakeLatency latency{space};
  Objective objective{.target_ms = 1.3, .beta = -0.3};
  TemporaryFolder folder;
  std::filesystem::path csv = folder / "candidates.csv";

  Scorer scorer() { return {space, evaluator, latency, objective, csv}; }

  std::vector<Architecture> random(int count, std::uint64_t seed = 1) const {
    Rng rng(seed, "test");
    std::vector<Architecture> archs;
    for (int i = 0; i < count; ++i) archs.push_back(sample(Subspace::full(space), rng));
    return archs;
  }
};

void check_same(const std::vector<Candidate>& a, const std::vector<Candidate>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].arch == b[i].arch);
    CHECK(a[i].accuracy == b[i].accuracy);
    CHECK(a[i].latency_ms == b[i].latency_ms);
    CHECK(a[i].score == b[i].score);
  }
}

}  // namespace

TEST_CASE("a candidate holds its canonical form, accuracy, latency and F", "[score]") {
  Bench bench;
  Scorer scorer = bench.scorer();
  const Architecture arch{{2, 0}, {1, 0}, {0, 1}};  // The skip's width says nothing.
  const auto candidates = scorer.score(Archs{arch});
  REQUIRE(candidates.size() == 1);
  CHECK(candidates[0].arch == Architecture{{2, 1}, {1, 0}, {0, 1}});
  CHECK(candidates[0].accuracy == bench.evaluator.accuracy_of(arch));
  CHECK(candidates[0].latency_ms == bench.latency.predict_ms(arch));
  CHECK(candidates[0].score ==
        bench.objective.score(candidates[0].accuracy, candidates[0].latency_ms));
  CHECK(scorer.gap(arch) == bench.objective.gap(candidates[0].latency_ms));
}

TEST_CASE("one network is evaluated once, however often and in whatever form", "[score]") {
  Bench bench;
  Scorer scorer = bench.scorer();
  const Architecture one{{2, 0}, {1, 0}, {0, 1}};
  const Architecture same{{2, 1}, {1, 0}, {0, 1}};
  const Architecture other{{0, 0}, {1, 0}, {0, 1}};
  const auto candidates = scorer.score(Archs{one, other, same, one});
  CHECK(bench.evaluator.asked == Archs{same, other});
  CHECK(bench.evaluator.batches == 1);
  CHECK(candidates[0].score == candidates[2].score);
  CHECK(scorer.evaluations() == 2);
  scorer.score(Archs{same});
  CHECK(scorer.evaluations() == 2);
}

TEST_CASE("accuracies under other weights do not mix", "[score]") {
  Bench bench;
  Scorer scorer = bench.scorer();
  const Architecture arch = bench.space.uniform(0);
  const double before = scorer.score(Archs{arch})[0].accuracy;
  bench.evaluator.plant(0, 0);
  scorer.set_weights("shrink-1");
  CHECK(scorer.score(Archs{arch})[0].accuracy > before);
  scorer.set_weights("supernet");
  CHECK(scorer.score(Archs{arch})[0].accuracy == before);
  CHECK(scorer.evaluations() == 2);
  CHECK(contains(error_of([&] { scorer.set_weights("a,b"); }), "internal: "));
  CHECK(contains(error_of([&] { scorer.set_weights(""); }), "internal: "));
}

TEST_CASE("candidates.csv replays bit by bit without an evaluation", "[score]") {
  Bench bench;
  const auto archs = bench.random(60);
  const auto first = bench.scorer().score(archs);
  const std::string file = read_file(bench.csv);
  const std::size_t asked = bench.evaluator.asked.size();

  Scorer again = bench.scorer();
  check_same(again.score(archs), first);
  CHECK(again.evaluations() == 0);
  CHECK(bench.evaluator.asked.size() == asked);
  CHECK(read_file(bench.csv) == file);
}

TEST_CASE("candidates.csv has one exact line per evaluation", "[score]") {
  Bench bench;
  Scorer scorer = bench.scorer();
  const auto c = scorer.score(Archs{bench.space.uniform(1)})[0];
  CHECK(read_file(bench.csv) ==
        kHeader +
            sealed(fmt::format("supernet,1:1-1:1-1:1,{0},{0},all,{1},{2}", format_exact(c.accuracy),
                               format_exact(c.latency_ms), format_exact(c.score))));
}

TEST_CASE("a stop in a long batch loses one chunk at most", "[score]") {
  Bench bench;
  std::vector<Architecture> archs;
  for (const Architecture& arch : enumerate(Subspace::full(bench.space))) {
    if (bench.space.canonical(arch) == arch) archs.push_back(arch);
  }
  REQUIRE(archs.size() == 125);
  bench.evaluator.interrupt_at = 100;
  CHECK(contains(error_of([&] { bench.scorer().score(archs); }), "interrupted: "));
  CHECK(bench.evaluator.asked.size() == 96);

  bench.evaluator.interrupt_at = -1;
  Scorer resumed = bench.scorer();
  const auto candidates = resumed.score(archs);
  CHECK(resumed.evaluations() == 125 - 96);

  Bench fresh;
  check_same(fresh.scorer().score(archs), candidates);
  CHECK(read_file(fresh.csv) == read_file(bench.csv));
}

TEST_CASE("a new target keeps the accuracies and renews the other columns", "[score]") {
  Bench bench;
  const auto archs = bench.random(5);
  bench.scorer().score(archs);
  bench.objective.target_ms = 1.4;
  Scorer renewed = bench.scorer();
  const auto candidates = renewed.score(archs);
  CHECK(renewed.evaluations() == 0);
  CHECK(contains(read_file(bench.csv), "," + format_exact(candidates[0].score) + ","));
  CHECK(split(read_file(bench.csv), '\n').size() == 7);
}

TEST_CASE("without a file nothing is written and everything still works", "[score]") {
  Bench bench;
  bench.csv.clear();
  CHECK(bench.scorer().score(bench.random(20)).size() == 20);
  CHECK(std::filesystem::is_empty(bench.folder / ""));
  CHECK(bench.scorer().score({}).empty());
}

TEST_CASE("a broken candidates.csv names the file and the line", "[score]") {
  Bench bench;
  const std::string good = sealed("supernet,0:0-0:0-0:0,0.5,0.5,all,1.25,0.4");
  const auto message = [&](const std::string& contents) {
    write_file(bench.csv, contents);
    const std::string error = error_of([&] { bench.scorer(); });
    const std::string prefix = "data: " + bench.csv.string() + ", ";
    const std::string remedy = "; remove the line, and its network is scored again";
    const bool has_remedy = error.ends_with(remedy);
    CHECK(has_remedy == (error.starts_with(prefix) && !contains(error, ", line 1:")));
    const std::string all = has_remedy ? error.substr(0, error.size() - remedy.size()) : error;
    return all.starts_with(prefix) ? all.substr(prefix.size()) : all;
  };
  const std::string wrong_header =
      "line 1: must be 'weights,arch,accuracy,at_most,images,latency_ms,score,crc32'";
  CHECK(message(kHeader + good) == "nothing");
  CHECK(message(kHeader) == "nothing");
  CHECK(message("") == wrong_header);
  CHECK(message(good) == wrong_header);
  CHECK(message(kHeader + good + "supernet,0:0\n") == "line 3: has 2 fields, not 8");
  CHECK(message(kHeader + good + "\n" + good) == "line 3: has 1 fields, not 8");
  CHECK(message(kHeader + "supernet,0:0-0:0-0:0,0.5,0.5,all,1.25,0.4,9,9\n") ==
        "line 2: has 9 fields, not 8");
  const auto with_line = [&](const std::string& line) { return message(kHeader + sealed(line)); };
  CHECK(with_line("supernet,9:0-0:0-0:0,0.5,0.5,all,1.25,0.4") ==
        "line 2: architecture '9:0-0:0-0:0': '9' is not an operator index in [0, 2]");
  CHECK(with_line(",0:0-0:0-0:0,0.5,0.5,all,1.25,0.4") == "line 2: names no weights");
  const auto with_accuracy = [&](const std::string& text) {
    return with_line("supernet,0:0-0:0-0:0," + text + ",0.5,all,1.25,0.4");
  };
  CHECK(with_accuracy("1.5") == "line 2: accuracy 1.5 is not in [0, 1]");
  CHECK(with_accuracy("-0.1") == "line 2: accuracy -0.1 is not in [0, 1]");
  for (const std::string text : {"nan", "inf", "", "0.5x", " 0.5", "1e999", "0,5"}) {
    CHECK_FALSE(with_accuracy(text) == "nothing");
  }
  CHECK(with_line("supernet,0:0-0:0-0:0,0.5,0.5,all,fast,0.4") ==
        "line 2: latency_ms 'fast' is not a number");
  CHECK(message(kHeader + good + sealed("supernet,0:0-0:0-0:0,0.75,0.75,all,1.25,0.4")) ==
        "line 3: has another accuracy than before for supernet,0:0-0:0-0:0");
  CHECK(message(kHeader + good + good) == "nothing");
  const std::string part = sealed("supernet,0:0-0:0-0:0,0.25,0.3,100,1.25,0.4");
  CHECK(message(kHeader + part + good) == "nothing");
  CHECK(message(kHeader + good + part) ==
        "line 3: has another accuracy than before for supernet,0:0-0:0-0:0");
  for (const std::string text : {"0", "-1", "1.5", "some", ""}) {
    CHECK(with_line("supernet,0:0-0:0-0:0,0.5,0.5," + text + ",1.25,0.4") != "nothing");
  }
  std::string changed = good;
  changed[changed.find("0.5") + 2] = '6';
  CHECK(message(kHeader + changed) == "line 2: does not match its checksum");
}

TEST_CASE("a candidate given up is judged again only where it might make it", "[score]") {
  Bench bench;
  CountingEvaluator counting(bench.space);
  const auto make = [&] {
    return Scorer(bench.space, counting, bench.latency, bench.objective, bench.csv);
  };
  const auto archs = bench.random(60);
  Scorer scorer = make();
  const auto full = Scorer(bench.space, counting, bench.latency, bench.objective).score(archs);
  const Scorer::Floor floor{.score = full[0].score, .confidence = 0.999, .rivals = {archs[0]}};
  Scorer::Floor higher = floor;
  higher.score += 0.1;
  const auto raced = scorer.score_above(archs, floor);
  int given_up = 0;
  for (std::size_t i = 0; i < raced.size(); ++i) {
    CHECK(raced[i].arch == full[i].arch);
    CHECK(raced[i].images < counting.images());
    if (raced[i].images != 0) {
      CHECK(raced[i].score < floor.score);
      CHECK(full[i].score < floor.score);
      CHECK(full[i].accuracy <= raced[i].at_most);
      ++given_up;
    } else {
      CHECK(raced[i].score == full[i].score);
    }
  }
  CHECK(given_up > 10);
  CHECK(scorer.full_evaluations() < scorer.evaluations());

  // The same decisions, and a higher floor, from the file alone.
  const std::string file = read_file(bench.csv);
  Scorer replay = make();
  check_same(replay.score_above(archs, floor), raced);
  check_same(replay.score_above(archs, higher), raced);
  CHECK(replay.evaluations() == 0);
  CHECK(read_file(bench.csv) == file);
  // Asked for in full, they are judged in full, and so they stay.
  check_same(replay.score(archs), full);
  CHECK(replay.evaluations() >= given_up - 20);  // Some of the 60 are the same.
  CHECK(replay.evaluations() > 0);
  Scorer last = make();
  check_same(last.score_above(archs, floor), full);
  CHECK(last.evaluations() == 0);
}

TEST_CASE("a candidates.csv that was cut short between two lines loses only the lines behind",
          "[score]") {
  Bench bench;
  const auto archs = bench.random(40);
  const auto first = bench.scorer().score(archs);
  const std::string whole = read_file(bench.csv);
  write_file(bench.csv, whole.substr(0, whole.find('\n', whole.size() / 2) + 1));
  Scorer again = bench.scorer();
  check_same(again.score(archs), first);
  CHECK(again.evaluations() > 0);
  CHECK(read_file(bench.csv) == whole);
}

TEST_CASE("an evaluator that answers nonsense is found out", "[score]") {
  class Nonsense : public Evaluator {
   public:
    std::vector<double> answer;
    std::vector<double> accuracy(std::span<const Architecture> /*archs*/) override {
      return answer;
    }
  };
  Bench bench;
  Nonsense evaluator;
  Scorer scorer(bench.space, evaluator, bench.latency, bench.objective, bench.csv);
  const Archs archs{bench.space.uniform(0)};
  for (const std::vector<double>& answer : std::vector<std::vector<double>>{
           {}, {0.5, 0.5}, {1.5}, {-0.5}, {std::numeric_limits<double>::quiet_NaN()}}) {
    evaluator.answer = answer;
    CHECK(contains(error_of([&] { scorer.score(archs); }), "internal: "));
  }
  CHECK_FALSE(std::filesystem::exists(bench.csv));
  CHECK(contains(error_of([&] { scorer.score(Archs{{{0, 0}}}); }), "usage: "));
}
