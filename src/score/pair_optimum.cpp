#include "pair_optimum.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace hsconas {

namespace {

constexpr std::size_t kMostStates = 200'000;
constexpr int kHalvings = 60;

using Layers = std::vector<std::vector<PairOption>>;

/// A selection for the first layers.
struct State {
  double first = 0.0;
  double second = 0.0;
  std::size_t before = 0;  ///< Index of the state that it extends.
  std::size_t option = 0;
};

class PairProblem {
 public:
  PairProblem(const Layers& layers, PairOption fixed, double bound)
      : layers_(layers), fixed_(fixed), bound_(bound) {}

  std::optional<PairOptimum> solve() {
    if (const double none = std::numeric_limits<double>::infinity(); !price(none)) return {};
    if (price(0.0)) return std::move(best_);  // The smallest of all keeps to the bound.
    double low = 0.0;
    double high = 1.0;
    while (!price(high) && high < 1e300) high *= 8.0;
    for (int i = 0; i < kHalvings; ++i) {
      const double middle = low + (high - low) / 2.0;
      (price(middle) ? high : low) = middle;
    }
    close_gap();
    return std::move(best_);
  }

 private:
  /// The selection that minimises first + `multiplier` x second; of equals that with the smaller
  /// second. Keeps it if it is the best within the bound so far. Returns whether it is within.
  bool price(double multiplier) {
    Architecture arch;
    double first = fixed_.first;
    double second = fixed_.second;
    double priced = 0.0;
    for (const auto& options : layers_) {
      const PairOption& option = cheapest(options, multiplier);
      arch.push_back(option.choice);
      first += option.first;
      second += option.second;
      priced += option.first + multiplier * option.second;
    }
    if (std::isfinite(multiplier)) {
      const double lower = fixed_.first + priced + multiplier * (fixed_.second - bound_);
      if (lower > lower_) {
        lower_ = lower;
        multiplier_ = multiplier;
      }
    }
    if (second > bound_) return false;
    if (!best_ || first < best_->first) best_ = {std::move(arch), first, true};
    return true;
  }

  static const PairOption& cheapest(const std::vector<PairOption>& options, double multiplier) {
    return *std::min_element(options.begin(), options.end(),
                             [multiplier](const PairOption& a, const PairOption& b) {
                               if (std::isinf(multiplier)) {
                                 return std::pair(a.second, a.first) < std::pair(b.second, b.first);
                               }
                               const double of_a = a.first + multiplier * a.second;
                               const double of_b = b.first + multiplier * b.second;
                               return std::pair(of_a, a.second) < std::pair(of_b, b.second);
                             });
  }

  /// For each number of layers, the smallest that the layers after them add to `second` and to
  /// first + multiplier x second.
  void find_rests() {
    rest_second_.assign(layers_.size() + 1, 0.0);
    rest_priced_.assign(layers_.size() + 1, 0.0);
    for (std::size_t layer = layers_.size(); layer-- > 0;) {
      const PairOption& priced = cheapest(layers_[layer], multiplier_);
      const PairOption& lightest =
          cheapest(layers_[layer], std::numeric_limits<double>::infinity());
      rest_second_[layer] = rest_second_[layer + 1] + lightest.second;
      rest_priced_[layer] = rest_priced_[layer + 1] + priced.first + multiplier_ * priced.second;
    }
  }

  /// Whether a state of the first `done` layers may lead to a smaller `first` than the best known.
  bool is_promising(const State& state, std::size_t done) const {
    const double scale = std::abs(bound_) + std::abs(fixed_.second);
    if (state.second + rest_second_[done] > bound_ + 1e-12 * scale) return false;
    const double lower = state.first + multiplier_ * (state.second - bound_) + rest_priced_[done];
    return lower < best_->first - 1e-12 * std::abs(best_->first);
  }

  /// Removes states that another one dominates; sorts the others by `second`.
  static void prune(std::vector<State>& states) {
    std::sort(states.begin(), states.end(), [](const State& a, const State& b) {
      return std::pair(a.second, a.first) < std::pair(b.second, b.first);
    });
    double least = std::numeric_limits<double>::infinity();
    std::erase_if(states, [&](const State& state) {
      if (state.first >= least) return true;
      least = state.first;
      return false;
    });
  }

  void close_gap() {
    find_rests();
    std::vector<std::vector<State>> steps{{{fixed_.first, fixed_.second, 0, 0}}};
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      std::vector<State> next;
      for (std::size_t i = 0; i < steps.back().size(); ++i) {
        const State& state = steps.back()[i];
        for (std::size_t k = 0; k < layers_[layer].size(); ++k) {
          const PairOption& option = layers_[layer][k];
          const State longer{state.first + option.first, state.second + option.second, i, k};
          if (is_promising(longer, layer + 1)) next.push_back(longer);
        }
      }
      prune(next);
      if (next.empty()) return;
      if (next.size() > kMostStates) {
        best_->is_exact = false;
        return;
      }
      steps.push_back(std::move(next));
    }
    // Sorted by `second` and without dominated states, the last has the smallest `first`.
    for (std::size_t i = steps.back().size(); i-- > 0;) {
      if (steps.back()[i].second > bound_) continue;
      take(steps, i);
      return;
    }
  }

  void take(const std::vector<std::vector<State>>& steps, std::size_t index) {
    best_->first = steps.back()[index].first;
    for (std::size_t layer = layers_.size(); layer-- > 0;) {
      const State& state = steps[layer + 1][index];
      best_->arch[layer] = layers_[layer][state.option].choice;
      index = state.before;
    }
  }

  const Layers& layers_;
  PairOption fixed_;
  double bound_;
  std::optional<PairOptimum> best_;
  double lower_ = -std::numeric_limits<double>::infinity();
  double multiplier_ = 0.0;  ///< That of the largest lower bound.
  std::vector<double> rest_second_;
  std::vector<double> rest_priced_;
};

}  // namespace

std::optional<PairOptimum> pair_optimum(const std::vector<std::vector<PairOption>>& layers,
                                        PairOption fixed, double bound) {
  return PairProblem(layers, fixed, bound).solve();
}

}  // namespace hsconas
