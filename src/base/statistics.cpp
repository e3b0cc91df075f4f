#include "hsconas/base/statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace hsconas {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// quantile() of values that are already sorted.
double sorted_quantile(std::span<const double> sorted, double q) {
  assert(!sorted.empty());
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

int sign(double value) {
  return (value > 0) - (value < 0);
}

}  // namespace

double mean(std::span<const double> values) {
  if (values.empty()) return 0.0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return 0.0;
  const double centre = mean(values);
  double sum = 0.0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double quantile(std::span<const double> values, double q) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted_quantile(sorted, q);
}

double median(std::span<const double> values) {
  return quantile(values, 0.5);
}

double rmse(std::span<const double> predicted, std::span<const double> measured) {
  assert(predicted.size() == measured.size() && !predicted.empty());
  double sum = 0.0;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    sum += (predicted[i] - measured[i]) * (predicted[i] - measured[i]);
  }
  return std::sqrt(sum / static_cast<double>(predicted.size()));
}

double pearson(std::span<const double> x, std::span<const double> y) {
  assert(x.size() == y.size());
  const double mean_x = mean(x);
  const double mean_y = mean(y);
  double xx = 0.0;
  double yy = 0.0;
  double xy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x;
    const double dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : kNan;
}

std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i;
    while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
    const double shared = static_cast<double>(i + end + 1) / 2.0;
    for (; i < end; ++i) result[order[i]] = shared;
  }
  return result;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  return pearson(ranks(x), ranks(y));
}

double kendall(std::span<const double> x, std::span<const double> y) {
  assert(x.size() == y.size());
  double agreement = 0.0;
  double untied_x = 0.0;
  double untied_y = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = i + 1; j < x.size(); ++j) {
      const int sx = sign(x[i] - x[j]);
      const int sy = sign(y[i] - y[j]);
      agreement += sx * sy;
      untied_x += sx != 0 ? 1 : 0;
      untied_y += sy != 0 ? 1 : 0;
    }
  }
  return untied_x > 0 && untied_y > 0 ? agreement / std::sqrt(untied_x * untied_y) : kNan;
}

double mann_whitney_p(std::span<const double> smaller, std::span<const double> larger) {
  std::vector<double> all(smaller.begin(), smaller.end());
  all.insert(all.end(), larger.begin(), larger.end());
  const std::vector<double> rank = ranks(all);
  const auto n = static_cast<double>(smaller.size());
  const auto m = static_cast<double>(larger.size());
  const double rank_sum = std::accumulate(rank.begin(), rank.begin() + std::ssize(smaller), 0.0);
  // Pairs in which the first value is smaller; a tie counts half.
  const double wins = n * m + n * (n + 1.0) / 2.0 - rank_sum;
  std::sort(all.begin(), all.end());
  double ties = 0.0;
  for (auto first = all.begin(); first != all.end();) {
    const auto last = std::upper_bound(first, all.end(), *first);
    const auto t = static_cast<double>(last - first);
    ties += t * t * t - t;
    first = last;
  }
  const double total = n + m;
  const double variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
  if (!(variance > 0.0)) return 1.0;
  const double z = (wins - n * m / 2.0 - 0.5) / std::sqrt(variance);
  return 0.5 * std::erfc(z / std::sqrt(2.0));
}

Interval bootstrap(std::span<const double> values,
                   const std::function<double(std::span<const double>)>& statistic,
                   double confidence, int resamples, Rng& rng) {
  assert(!values.empty() && resamples > 0);
  std::vector<double> draw(values.size());
  std::vector<double> results(static_cast<std::size_t>(resamples));
  for (double& result : results) {
    for (double& value : draw) value = values[rng.index(values.size())];
    result = statistic(draw);
  }
  std::sort(results.begin(), results.end());
  const double tail = (1.0 - confidence) / 2.0;
  return {.low = sorted_quantile(results, tail), .high = sorted_quantile(results, 1.0 - tail)};
}

}  // namespace hsconas
