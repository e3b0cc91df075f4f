#include "hsconas/search/expected.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "hsconas/base/statistics.hpp"

namespace hsconas {

namespace {

/// The distribution function of the standard normal distribution.
double normal_share(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

/// Its inverse, by bisection; `share` in (0, 1).
double normal_quantile(double share) {
  double low = -8.0;
  double high = 8.0;
  while (high - low > 1e-9) {
    const double middle = 0.5 * (low + high);
    (normal_share(middle) < share ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

double expected_improvement(const Expected& expected, double best) {
  const double gain = expected.mean - best;
  if (expected.deviation <= 0.0) return std::max(gain, 0.0);
  const double z = gain / expected.deviation;
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
  return gain * normal_share(z) + expected.deviation * density;
}

double probability_above(const Expected& expected, double bound) {
  const double gap = expected.mean - bound;
  if (expected.deviation <= 0.0) return gap > 0.0 ? 1.0 : 0.0;
  return normal_share(gap / expected.deviation);
}

std::vector<double> normal_scores(std::span<const double> values) {
  std::vector<double> scores = ranks(values);
  const auto count = static_cast<double>(scores.size());
  for (double& score : scores) score = normal_quantile((score - 0.5) / count);
  return scores;
}

}  // namespace hsconas
