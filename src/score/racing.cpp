#include "hsconas/score/racing.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hsconas {

namespace {

/// A standard normal variable is below the returned value with probability `p` in [0.5, 1).
double normal_quantile(double p) {
  double low = 0.0;
  double high = 40.0;
  while (high - low > 1e-12) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(middle / std::sqrt(2.0)) > 1.0 - p ? low : high) = middle;
  }
  return high;
}

}  // namespace

Racer::Racer(std::span<const Answers* const> rivals, std::int64_t total, std::int64_t looks)
    : total_(total), uncertain_looks_(static_cast<double>(std::max<std::int64_t>(1, looks - 1))) {
  if (rivals.empty()) return;
  expected_.resize(static_cast<std::size_t>(total));
  const float share = 1.0F / static_cast<float>(rivals.size());
  for (const Answers* answers : rivals) {
    for (std::size_t i = 0; i < expected_.size(); ++i)
      expected_[i] += answers->at(i) ? share : 0.0F;
  }
  expected_mean_ =
      std::accumulate(expected_.begin(), expected_.end(), 0.0) / static_cast<double>(total);
}

void Racer::add(bool is_right) {
  const double expected = expected_.empty() ? 0.0 : expected_[static_cast<std::size_t>(seen_)];
  const double difference = (is_right ? 1.0 : 0.0) - expected;
  differences_ += difference;
  squares_ += difference * difference;
  right_ += is_right ? 1 : 0;
  ++seen_;
}

double Racer::accuracy() const {
  if (seen_ == total_) return static_cast<double>(right_) / static_cast<double>(total_);
  const double estimate = expected_mean_ + differences_ / static_cast<double>(seen_);
  return std::clamp(estimate, 0.0, 1.0);
}

double Racer::at_most(double confidence) const {
  const auto n = static_cast<double>(seen_);
  const auto total = static_cast<double>(total_);
  // The accuracy if the candidate is right on all images that it has not seen.
  const double certain = (static_cast<double>(right_) + (total - n)) / total;
  if (seen_ == total_ || confidence >= 1.0) return certain;
  const double mean = differences_ / n;
  // One more difference is added to those seen, because there may be some although none was seen.
  const double variance = (squares_ + 1.0) / n - mean * mean;
  const double error = std::sqrt(variance / n * (total - n) / (total - 1.0));
  const double at_this_look = 1.0 - (1.0 - confidence) / uncertain_looks_;
  return std::min(certain, expected_mean_ + mean + normal_quantile(at_this_look) * error);
}

}  // namespace hsconas
