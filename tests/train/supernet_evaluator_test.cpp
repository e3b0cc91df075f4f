#include "hsconas/train/supernet_evaluator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "hsconas/score/sharded_evaluator.hpp"
#include "hsconas/space/subspace.hpp"
#include "supernet/networks.hpp"
#include "support/errors.hpp"
#include "support/thread_group.hpp"
#include "train/images.hpp"

using namespace hsconas;

namespace {

struct Judge {
  Judge() {
    const auto source = bright_sides();
    const auto indices = all_indices(*source);
    calibration = load_all(*source, std::span(indices).first(20), plain_images(), 8, 1);
    validation = load_all(*source, std::span(indices).last(44), plain_images(), 16, 1);
  }
  SearchSpace space{bright_description()};
  Supernet supernet{space, torch::kCPU, 1};
  std::vector<Batch> calibration;
  std::vector<Batch> validation;
  StopToken stop;
};

}  // namespace

TEST_CASE("an accuracy depends neither on the other candidates nor on their order", "[train]") {
  Judge judge;
  SupernetEvaluator evaluator(judge.supernet, judge.calibration, judge.validation, judge.stop);
  Rng rng(1, "test");
  std::vector<Architecture> archs;
  for (int i = 0; i < 12; ++i) archs.push_back(sample(Subspace::full(judge.space), rng));
  const auto together = evaluator.accuracy(archs);
  REQUIRE(together.size() == archs.size());
  const std::vector<Architecture> reversed(archs.rbegin(), archs.rend());
  auto backwards = evaluator.accuracy(reversed);
  std::reverse(backwards.begin(), backwards.end());
  CHECK(backwards == together);
  for (std::size_t i = 0; i < archs.size(); ++i) {
    CHECK(evaluator.accuracy(std::span(archs).subspan(i, 1)).front() == together[i]);
    CHECK(together[i] >= 0.0);
    CHECK(together[i] <= 1.0);
  }
  CHECK(std::set<double>(together.begin(), together.end()).size() > 1);
  SupernetEvaluator forgetful(judge.supernet, judge.calibration, judge.validation, judge.stop, 0);
  CHECK(forgetful.accuracy(archs) == together);
  CHECK(evaluator.accuracy({}).empty());
}

TEST_CASE("an accuracy is the share of right answers, a likelihood their mean probability",
          "[train]") {
  Judge judge;
  SupernetEvaluator evaluator(judge.supernet, judge.calibration, judge.validation, judge.stop);
  const Architecture arch = judge.space.uniform(0);
  const FrozenNetwork network = evaluator.freeze_candidate(arch);
  std::int64_t right = 0;
  double log_likelihood = 0.0;
  for (const Batch& batch : judge.validation) {
    for (std::int64_t i = 0; i < batch.labels.size(0); ++i) {
      const torch::Tensor logits = network.forward(batch.images.narrow(0, i, 1)).flatten();
      const std::int64_t guess = logits[1].item<float>() > logits[0].item<float>() ? 1 : 0;
      const auto label = batch.labels[i].item<std::int64_t>();
      right += guess == label ? 1 : 0;
      log_likelihood += logits.log_softmax(0)[label].item<float>();
    }
  }
  CHECK(evaluator.accuracy(std::span(&arch, 1)).front() == static_cast<double>(right) / 44.0);
  const Race none{.floors = {0.0}, .confidence = 1.0, .rivals = {}};
  const Judgement judgement = evaluator.judge(std::span(&arch, 1), none).front();
  CHECK(judgement.accuracy == static_cast<double>(right) / 44.0);
  CHECK(judgement.likelihood == Approx(std::exp(log_likelihood / 44.0)).epsilon(1e-4));
}

TEST_CASE("each call uses the supernet's current weights", "[train]") {
  Judge judge;
  SupernetEvaluator evaluator(judge.supernet, judge.calibration, judge.validation, judge.stop);
  const Architecture arch = judge.space.uniform(0);
  // The classifier first always answers 0, then always 1, so every image is right exactly once.
  auto& head = judge.supernet.parameters(judge.space.layers() + 1, 0);
  head.at(2).value.copy_(torch::tensor({1e6, 0.0}));
  const double zeros = evaluator.accuracy(std::span(&arch, 1)).front();
  head.at(2).value.copy_(torch::tensor({0.0, 1e6}));
  const double ones = evaluator.accuracy(std::span(&arch, 1)).front();
  CHECK(zeros == 0.5);
  CHECK(zeros + ones == 1.0);
}

TEST_CASE("a stop request ends scoring between two candidates", "[train]") {
  Judge judge;
  SupernetEvaluator evaluator(judge.supernet, judge.calibration, judge.validation, judge.stop);
  judge.stop.request();
  const std::vector<Architecture> archs{judge.space.uniform(0)};
  CHECK(error_of([&] { evaluator.accuracy(archs); }).starts_with("interrupted: "));
}

TEST_CASE("ranks that share candidates out judge them like one evaluator", "[train][group]") {
  Judge one;
  SupernetEvaluator alone(one.supernet, one.calibration, one.validation, one.stop);
  Rng rng(1, "test");
  std::vector<Architecture> archs;
  for (int i = 0; i < 20; ++i) archs.push_back(sample(Subspace::full(one.space), rng));
  const Race race{.floors = std::vector(archs.size(), 0.6),
                  .confidence = 0.7,
                  .rivals = {archs[3], one.space.uniform(1, 0)}};
  const auto expected = alone.judge(archs, race);
  const auto given_up = std::count_if(expected.begin(), expected.end(),
                                      [](const Judgement& each) { return each.images != 0; });
  REQUIRE(given_up > 0);
  REQUIRE(given_up < 20);
  for (const int size : {1, 2, 3, 4}) {
    CAPTURE(size);
    std::array<std::vector<Judgement>, 4> found;
    std::array<std::vector<double>, 4> accuracies;
    std::array<AnswersByArchitecture, 4> answers;
    const auto ends = run_ranks(size, [&](const std::shared_ptr<ProcessGroup>& group) {
      const auto rank = static_cast<std::size_t>(group->rank());
      torch::set_num_threads(1);
      Judge judge;
      const GroupStop stop(judge.stop, group);
      SupernetEvaluator own(judge.supernet, judge.calibration, judge.validation, stop);
      ShardedEvaluator evaluator(own, judge.space, stop);
      found[rank] = evaluator.judge(archs, race);
      answers[rank] = *evaluator.known_answers();
      accuracies[rank] = evaluator.accuracy(archs);
    });
    CHECK(ends == std::vector<std::string>(static_cast<std::size_t>(size), "nothing"));
    for (int rank = 0; rank < size; ++rank) {
      const auto at = static_cast<std::size_t>(rank);
      CHECK((found[at] == expected));  // Judgements cannot be printed.
      CHECK((answers[at] == *alone.known_answers()));
      CHECK(accuracies[at] == alone.accuracy(archs));
    }
  }
}

TEST_CASE("tallies add up", "[train]") {
  Tally tally{.right = 1, .total = 4};
  tally += {.right = 2, .total = 2};
  CHECK(tally.right == 3);
  CHECK(tally.accuracy() == 0.5);
}
