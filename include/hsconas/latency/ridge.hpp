#pragma once

#include <cstddef>
#include <vector>

namespace hsconas {

/// A non-zero entry of a row of the design matrix.
struct Feature {
  int column = 0;
  double value = 0.0;
};

/// target = intercept + row * coefficients + noise, where the coefficients of a group are drawn
/// around 0 with one common variance. The intercept is free.
struct RidgeProblem {
  std::vector<std::vector<Feature>> rows;  ///< A column may occur more than once; values add up.
  std::vector<double> targets;             ///< One per row, finite.
  std::vector<int> group_of;               ///< Group of every column, from 0.
  int groups = 0;
};

struct RidgeFit {
  double intercept = 0.0;
  std::vector<double> coefficients;
  /// Prediction - target of every row used for tuning, when that row is left out of the fit.
  std::vector<double> left_out_errors;
  double left_out_rmse = 0.0;
};

/// Fits the coefficients; the variance of each group, relative to the noise, is the one with the
/// smallest leave-one-out error (Allen's PRESS, 1974, in closed form) or, with fewer than 200 rows,
/// the largest restricted likelihood, found by coordinate descent over powers of ten from no use of
/// the group at all to no restraint on it. At most `kTuningRows`
/// rows, spread over all, take part in that; the coefficients come from all rows.
/// At least two rows. Cost: some 50 x min(rows, columns)^3 / 3 + rows x columns^2.
RidgeFit fit_ridge(const RidgeProblem& problem);
inline constexpr std::size_t kTuningRows = 1000;

/// `count` rows of the problem, by index, chosen one after the other so that the mean variance of
/// the predictions of all rows falls most; every group has the same variance, twice the noise's.
/// The targets do not matter. Cost: rows^2 x (count + columns).
std::vector<std::size_t> choose_rows(const RidgeProblem& problem, std::size_t count);

/// Ordinary least squares, of the solutions the one with the smallest norm: the plain reference.
/// Its left-out errors are in closed form too, NaN for rows that nothing else determines.
RidgeFit fit_least_squares(const RidgeProblem& problem);

}  // namespace hsconas
