#pragma once

#include <functional>
#include <span>
#include <vector>

#include "hsconas/base/rng.hpp"

namespace hsconas {

/// Arithmetic mean; 0 for no values.
double mean(std::span<const double> values);
/// Sample standard deviation (n - 1 in the denominator); 0 for fewer than two values.
double standard_deviation(std::span<const double> values);
/// Quantile for `q` in [0, 1], interpolated linearly. There must be at least one value.
double quantile(std::span<const double> values, double q);
double median(std::span<const double> values);

/// Root of the mean squared difference. The spans have equal, non-zero length.
double rmse(std::span<const double> predicted, std::span<const double> measured);

/// Correlation in [-1, 1]; NaN when either side is constant or there are fewer than two pairs.
double pearson(std::span<const double> x, std::span<const double> y);
/// Pearson correlation of the ranks; ties share their mean rank. Cost: O(n log n).
double spearman(std::span<const double> x, std::span<const double> y);
/// Kendall's tau-b, which corrects for ties (Kendall, 1945). Cost: O(n^2).
double kendall(std::span<const double> x, std::span<const double> y);

/// Ranks from 1; equal values share the mean of their ranks.
std::vector<double> ranks(std::span<const double> values);

/// The Mann-Whitney test, one-sided: the probability that values as small as `smaller`, compared
/// with `larger`, come up where both are drawn from one distribution. 1 if all values are equal.
/// Uses the normal approximation with corrections for ties and continuity (Mann and Whitney, 1947),
/// which needs about ten values on each side; both must have at least one. Cost: O(n log n).
double mann_whitney_p(std::span<const double> smaller, std::span<const double> larger);

/// A two-sided confidence interval.
struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// Percentile bootstrap (Efron, 1979) of `statistic` over `values` with `resamples` draws.
/// `confidence` in (0, 1), for example 0.9.
Interval bootstrap(std::span<const double> values,
                   const std::function<double(std::span<const double>)>& statistic,
                   double confidence, int resamples, Rng& rng);

}  // namespace hsconas
