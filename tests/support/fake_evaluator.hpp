#pragma once

#include <cmath>
#include <vector>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/score/evaluator.hpp"
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

  std::vector<Architecture> asked;  ///< Everything judged so far, in order.
  int batches = 0;
  std::ptrdiff_t interrupt_at =
      -1;  ///< Throws Error(Interrupted) rather than judge more than this.

 private:
  const SearchSpace& space_;
  std::vector<std::vector<double>> quality_;  ///< [layer][op].
};

}  // namespace hsconas
