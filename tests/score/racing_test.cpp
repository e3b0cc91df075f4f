#include "hsconas/score/racing.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"

using namespace hsconas;

namespace {

constexpr std::size_t kTotal = 2000;

/// Answers that are right with a chance of each image's own, which `rng` draws once.
struct Exam {
  std::vector<double> chances;

  explicit Exam(Rng& rng) {
    for (std::size_t i = 0; i < kTotal; ++i) chances.push_back(std::sqrt(rng.uniform(0.3, 1.0)));
  }
  Answers sit(Rng& rng) const {
    Answers answers;
    for (const double chance : chances) answers.push_back(rng.chance(chance));
    return answers;
  }
};

double share_right(const Answers& answers) {
  double right = 0.0;
  for (const bool is_right : answers) right += is_right ? 1.0 : 0.0;
  return right / static_cast<double>(answers.size());
}

Racer after(const Answers& answers, std::vector<const Answers*> rivals, std::size_t seen) {
  Racer racer(rivals, static_cast<std::int64_t>(answers.size()));
  for (std::size_t i = 0; i < seen; ++i) racer.add(answers[i]);
  return racer;
}

}  // namespace

TEST_CASE("the bound on an accuracy fails as often as it says", "[score]") {
  constexpr int kTrials = 3000;
  for (const bool has_rivals : {false, true}) {
    Rng rng(1, "racing");
    int failures = 0;
    double width = 0.0;
    for (int trial = 0; trial < kTrials; ++trial) {
      const Exam exam(rng);
      const Answers a = exam.sit(rng);
      const Answers b = exam.sit(rng);
      const Answers candidate = exam.sit(rng);
      std::vector<const Answers*> rivals;
      if (has_rivals) rivals = {&a, &b};
      const Racer racer = after(candidate, rivals, 400);
      failures += share_right(candidate) > racer.at_most(0.95) ? 1 : 0;
      width += (racer.at_most(0.95) - racer.accuracy()) / kTrials;
    }
    INFO((has_rivals ? "with rivals" : "alone") << ", width " << width);
    CHECK(failures > 0.03 * kTrials);
    CHECK(failures < 0.07 * kTrials);
  }
}

TEST_CASE("a bound that is looked at again and again fails no more often than it says", "[score]") {
  constexpr int kTrials = 3000;
  constexpr std::size_t kLooks = 20;
  const auto failures = [](std::int64_t looks) {
    Rng rng(3, "racing");
    int failed = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      const Exam exam(rng);
      const Answers rival = exam.sit(rng);
      const Answers candidate = exam.sit(rng);
      const Answers* rivals[] = {&rival};
      Racer racer(rivals, kTotal, looks);
      const double accuracy = share_right(candidate);
      bool is_wrong = false;
      for (std::size_t i = 0; i < kTotal; ++i) {
        racer.add(candidate[i]);
        if ((i + 1) % (kTotal / kLooks) == 0) is_wrong |= accuracy > racer.at_most(0.95);
      }
      failed += is_wrong ? 1 : 0;
    }
    return failed;
  };
  CHECK(failures(kLooks) < 0.05 * kTrials);
  CHECK(failures(2) > 0.1 * kTrials);  // As though it were one look.
}

TEST_CASE("rivals that fail on the same images narrow the bound", "[score]") {
  Rng rng(2, "racing");
  Answers rival;
  Answers candidate;
  for (std::size_t i = 0; i < kTotal; ++i) {
    rival.push_back(rng.chance(0.85));
    candidate.push_back(rng.chance(0.02) ? !rival[i] : rival[i]);
  }
  const auto width = [&](const std::vector<const Answers*>& rivals) {
    const Racer racer = after(candidate, rivals, 400);
    return racer.at_most(0.999) - racer.accuracy();
  };
  CHECK(width({&rival}) < 0.6 * width({}));
}

TEST_CASE("with all images seen a racer is exact, and certain of what cannot be", "[score]") {
  const Answers rival(10, true);
  Answers candidate(10, false);
  candidate[3] = true;
  const Racer whole = after(candidate, {&rival}, 10);
  CHECK(whole.accuracy() == 0.1);
  CHECK(whole.at_most(0.999) == 0.1);
  CHECK(after(candidate, {&rival}, 7).at_most(1.0) == 0.4);
  CHECK(after(candidate, {&rival}, 7).at_most(0.999999999) <= 0.4);
  // Nothing seen that differs does not mean that nothing will.
  CHECK(after(rival, {&rival}, 5).at_most(0.999) > 0.9);
  const Answers hundred(100, true);
  CHECK(after(Answers(100, true), {&hundred}, 50).at_most(0.999) == 1.0);
  Answers poor(100, false);
  CHECK(after(Answers(100, false), {&poor}, 50).at_most(0.999) > 0.01);
}
