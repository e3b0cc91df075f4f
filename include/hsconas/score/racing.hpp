#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hsconas {

/// For each image, in their order, whether a candidate classified it correctly.
using Answers = std::vector<bool>;

/// An upper bound of a candidate's accuracy on all images, from the images that it has classified
/// so far, which must be in random order. A candidate whose bound is below the accuracy of its
/// rivals has lost and is not evaluated any further: this is racing (Maron and Moore, Hoeffding
/// Races, 1994).
///
/// The rivals have classified all images, so it is known whether the images seen so far were
/// easier than the rest. The bound therefore compares the candidate with its rivals image by image
/// (a control variate); only the images on which they differ make it uncertain.
class Racer {
 public:
  /// `rivals` each have `total` answers; there may be none. The bound is asked for at most `looks`
  /// times, the last time after all images; its confidence then holds for all of these times
  /// together.
  Racer(std::span<const Answers* const> rivals, std::int64_t total, std::int64_t looks = 2);

  void add(bool is_right);

  std::int64_t seen() const { return seen_; }
  /// Estimate of the accuracy on all images; exact after the last image.
  double accuracy() const;
  /// The bound. With probability `confidence` or more, the accuracy on all images exceeds it at
  /// none of the looks. It is one-sided, uses the normal approximation for a finite population, and
  /// divides the error evenly among the looks before the last. Exact after the last image.
  double at_most(double confidence) const;

 private:
  std::vector<float> expected_;  ///< For each image, the share of rivals that are right.
  double expected_mean_ = 0.0;
  std::int64_t total_;
  double uncertain_looks_;
  std::int64_t seen_ = 0;
  std::int64_t right_ = 0;
  double differences_ = 0.0;  ///< Sum of right - expected.
  double squares_ = 0.0;
};

}  // namespace hsconas
