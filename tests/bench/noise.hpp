#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <vector>

#include "hsconas/base/rng.hpp"

namespace hsconas {

/// The correlation of two jointly normal variables whose Kendall's tau is `tau`.
inline double correlation_of(double tau) {
  return std::sin(0.5 * std::numbers::pi * tau);
}

/// Indices that sort `values`, ascending; equal ones in their order.
inline std::vector<std::size_t> order_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

/// The same accuracies in another order, whose Kendall correlation with `truth` is `tau` on
/// average: ranks become normal deviates, get errors, and choose among the accuracies. `error`
/// gives the standard normal error of an index; it is called once for each, in the order of the
/// ranks.
template <typename Error>
std::vector<double> with_noise(const std::vector<double>& truth, double tau, Rng& rng,
                               Error error) {
  const double correlation = correlation_of(tau);
  const double share = std::sqrt(1.0 - correlation * correlation);
  std::vector<double> sorted;
  for (std::size_t i = 0; i < truth.size(); ++i) sorted.push_back(rng.normal());
  std::sort(sorted.begin(), sorted.end());  // Normal deviates in order, one for each rank.
  const auto by_truth = order_of(truth);
  std::vector<double> noisy(truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    noisy[by_truth[i]] = correlation * sorted[i] + share * error(by_truth[i]);
  }
  const auto by_noise = order_of(noisy);
  std::vector<double> result(truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) result[by_noise[i]] = truth[by_truth[i]];
  return result;
}

}  // namespace hsconas
