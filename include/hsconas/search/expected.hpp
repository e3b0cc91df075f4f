#pragma once

#include <span>
#include <vector>

namespace hsconas {

/// A value that is not known: its distribution is normal.
struct Expected {
  double mean = 0.0;
  double deviation = 0.0;  ///< Standard deviation, >= 0.
};

/// By how much a normal variable is expected to exceed `best` (Mockus, 1975). At least 0.
double expected_improvement(const Expected& expected, double best);

/// The probability that a normal variable is above `bound`.
double probability_above(const Expected& expected, double bound);

/// The normal quantile of the rank of each value, so that the lowest and the highest do not hide
/// how the others differ.
std::vector<double> normal_scores(std::span<const double> values);

}  // namespace hsconas
