#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/score/racing.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// A known, smooth accuracy: every layer adds the quality of its operator and the square root of
/// its relative width, and the sum is squeezed into (0.2, 0.95). Qualities are drawn from `seed`;
/// `plant()` makes one operator of a layer the best.
class FakeEvaluator : public Evaluator {
 public:
  explicit FakeEvaluator(const SearchSpace& space, std::uint64_t seed = 1) : space_(space) {
    Rng rng(seed, "fake-evaluator");
    for (int layer = 0; layer < space.layers(); ++layer) {
      auto& ops = quality_.emplace_back();
      for (int op = 0; op < space.ops(); ++op) ops.push_back(rng.uniform(-0.5, 0.5));
    }
  }

  void plant(int layer, int op) {
    quality_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(op)] = 2.0;
  }

  double accuracy_of(const Architecture& arch) const {
    double sum = 0.0;
    for (int layer = 0; layer < space_.layers(); ++layer) {
      const LayerChoice choice = arch[static_cast<std::size_t>(layer)];
      sum += quality_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(choice.op)];
      const int full = space_.mid_channels(layer, {choice.op, space_.widths() - 1});
      if (full > 0) sum += std::sqrt(1.0 * space_.mid_channels(layer, choice) / full) - 0.5;
    }
    return 0.2 + 0.75 / (1.0 + std::exp(-sum));
  }

  std::vector<double> accuracy(std::span<const Architecture> archs) override {
    if (interrupt_at >= 0 && std::ssize(asked) + std::ssize(archs) > interrupt_at) {
      throw Error(ErrorKind::Interrupted, "stopped by the test");
    }
    ++batches;
    std::vector<double> result;
    for (const Architecture& arch : archs) {
      asked.push_back(arch);
      result.push_back(accuracy_of(arch));
    }
    return result;
  }

  std::vector<Architecture> asked;  ///< All architectures evaluated so far, in order.
  int batches = 0;
  std::ptrdiff_t interrupt_at =
      -1;  ///< Throws Error(Interrupted) before evaluating more networks than this; -1: never.

 private:
  const SearchSpace& space_;
  std::vector<std::vector<double>> quality_;  ///< [layer][op].
};

/// Counts correct answers image by image so that the accuracy is about that of FakeEvaluator. How
/// hard an image is depends on a part common to all architectures and on each layer's operator and
/// width, so similar architectures fail on the same images. Like the supernet's evaluator it may
/// give up a candidate after every kBatch images.
class CountingEvaluator : public Evaluator {
 public:
  static constexpr std::int64_t kBatch = 100;

  explicit CountingEvaluator(const SearchSpace& space, std::uint64_t seed = 1,
                             std::int64_t images = 2000)
      : truth_(space, seed), seed_(seed), images_(images) {
    ease_ = normals("ease", 0, 0.8);
  }

  std::vector<double> accuracy(std::span<const Architecture> archs) override {
    const Race none{.floors = std::vector<double>(archs.size()), .confidence = 1.0, .rivals = {}};
    std::vector<double> accuracies;
    for (const Judgement& judgement : judge(archs, none)) accuracies.push_back(judgement.accuracy);
    return accuracies;
  }

  std::vector<Judgement> judge(std::span<const Architecture> archs, const Race& race) override {
    std::vector<Answers> kept;
    for (const Architecture& rival : race.rivals) kept.push_back(answers_of(rival));
    std::vector<const Answers*> rivals;
    for (const Answers& answers : kept) rivals.push_back(&answers);
    std::vector<Judgement> judgements;
    for (std::size_t i = 0; i < archs.size(); ++i) {
      const Answers answers = answers_of(archs[i]);
      Racer racer(rivals, images_, images_ / kBatch);
      const auto is_over = [&] {
        return racer.seen() == images_ ||
               (race.confidence < 1.0 && racer.at_most(race.confidence) < race.floors[i]);
      };
      do {
        for (std::int64_t n = 0; n < kBatch; ++n) {
          racer.add(answers[static_cast<std::size_t>(racer.seen())]);
        }
      } while (!is_over());
      judgements.push_back({.accuracy = racer.accuracy(),
                            .at_most = racer.at_most(race.confidence),
                            .images = racer.seen() == images_ ? 0 : racer.seen()});
    }
    return judgements;
  }

  std::int64_t images() const override { return images_; }

 protected:
  Answers answers_of(const Architecture& arch) {
    std::vector<double> margins = ease_;
    const double share = 0.6 / std::sqrt(static_cast<double>(arch.size()));
    for (std::size_t layer = 0; layer < arch.size(); ++layer) {
      const std::uint64_t choice = layer * 10000 +
                                   static_cast<std::uint64_t>(arch[layer].op) * 100 +
                                   static_cast<std::uint64_t>(arch[layer].width);
      auto [taste, is_new] = tastes_.try_emplace(choice);
      if (is_new) taste->second = normals("taste", choice, share);
      for (std::size_t i = 0; i < margins.size(); ++i) margins[i] += taste->second[i];
    }
    // Margins have variance 1, so about `accuracy` of them lie below the quantile of `accuracy`.
    const double accuracy = truth_.accuracy_of(arch);
    Answers answers;
    for (const double margin : margins) {
      answers.push_back(0.5 * std::erfc(-margin / std::sqrt(2.0)) < accuracy);
    }
    return answers;
  }

 private:
  std::vector<double> normals(std::string_view stream, std::uint64_t index,
                              double deviation) const {
    Rng rng(seed_, stream, index);
    std::vector<double> values;
    for (std::int64_t i = 0; i < images_; ++i) values.push_back(deviation * rng.normal());
    return values;
  }

  FakeEvaluator truth_;
  std::uint64_t seed_;
  std::int64_t images_;  ///< A multiple of kBatch.
  std::vector<double> ease_;
  std::map<std::uint64_t, std::vector<double>> tastes_;  ///< By layer, operator and width.
};

}  // namespace hsconas
