#pragma once

#include <cstddef>
#include <vector>

namespace hsconas {

/// A non-zero entry of a row of the design matrix.
struct Feature {
  int column = 0;
  double value = 0.0;
};

/// target = intercept + row * coefficients + noise. The coefficients of a group have mean 0 and one
/// common variance as prior; the intercept is not restrained.
struct RidgeProblem {
  std::vector<std::vector<Feature>> rows;  ///< A column may occur more than once; values add up.
  std::vector<double> targets;             ///< One per row, finite.
  std::vector<int> group_of;               ///< Group of every column, counted from 0.
  int groups = 0;
};

struct RidgeFit {
  double intercept = 0.0;
  std::vector<double> coefficients;
  /// Prediction - target of every row that takes part in tuning, when it is left out of the fit.
  std::vector<double> left_out_errors;
  double left_out_rmse = 0.0;
};

/// Fits the coefficients and tunes the variance of each group relative to the noise. The variances
/// minimise the leave-one-out error (Allen's PRESS, 1974, in closed form) or, with fewer than 200
/// rows, maximise the restricted likelihood. Coordinate descent finds them between 0, which leaves
/// the group out, and 1e8, which hardly restrains it. At most `kTuningRows` rows, spread evenly,
/// take part in tuning; the coefficients come from all rows. There must be at least two rows.
/// Cost: some 50 x min(rows, columns)^3 / 3 + rows x columns^2.
RidgeFit fit_ridge(const RidgeProblem& problem);
inline constexpr std::size_t kTuningRows = 1000;

/// Indices of `count` rows, chosen one by one so that each lowers the mean variance of the
/// predictions of all rows most. Every group gets the same variance, twice the noise's; the targets
/// do not matter. Cost: rows^2 x (count + columns).
std::vector<std::size_t> choose_rows(const RidgeProblem& problem, std::size_t count);

/// Ordinary least squares, as a baseline: the solution with the smallest norm. The left-out error
/// of a row is NaN if it alone determines a coefficient.
RidgeFit fit_least_squares(const RidgeProblem& problem);

}  // namespace hsconas
