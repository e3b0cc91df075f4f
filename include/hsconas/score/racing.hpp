#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hsconas {

/// Which images a candidate classified rightly, in their order.
using Answers = std::vector<bool>;

/// Bounds a candidate's accuracy on all images from those it has seen, which must come in random
/// order. Its rivals know all images: where the candidate has seen the easier ones, so that they
/// did better on them than on all, it is held against them image by image (a control variate), and
/// what is uncertain is only where it differs from them.
///
/// Not to judge on what has lost is racing (Maron and Moore, Hoeffding Races, 1994).
class Racer {
 public:
  /// `rivals` each have `total` answers; there may be none. The candidate will be looked at `looks`
  /// times at most, the last time with all images seen: at_most() then holds at all of them
  /// together.
  Racer(std::span<const Answers* const> rivals, std::int64_t total, std::int64_t looks = 2);

  void add(bool is_right);

  std::int64_t seen() const { return seen_; }
  /// Of all images; exact when all were seen.
  double accuracy() const;
  /// What the accuracy on all images exceeds, at any of the looks, with probability 1 -
  /// `confidence` at most (normal approximation, finite population, one-sided, the error shared out
  /// evenly over the looks that do not see everything); exact when all were seen.
  double at_most(double confidence) const;

 private:
  std::vector<float> expected_;  ///< Per image, the share of rivals that are right; or empty.
  double expected_mean_ = 0.0;
  std::int64_t total_;
  double uncertain_looks_;
  std::int64_t seen_ = 0;
  std::int64_t right_ = 0;
  double differences_ = 0.0;  ///< Sum of right - expected.
  double squares_ = 0.0;
};

}  // namespace hsconas
