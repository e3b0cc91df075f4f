#include "hsconas/base/adam.hpp"

#include <cassert>
#include <cmath>

namespace hsconas {

namespace {

constexpr double kFirstDecay = 0.9;
constexpr double kSecondDecay = 0.999;
constexpr double kTiny = 1e-8;

}  // namespace

void Adam::descend(std::span<double> values, std::span<const double> gradient, double rate) {
  first_.resize(values.size());
  second_.resize(values.size());
  assert(values.size() == first_.size() && gradient.size() == first_.size());
  ++steps_;
  const double first_share = 1.0 - std::pow(kFirstDecay, steps_);
  const double second_share = 1.0 - std::pow(kSecondDecay, steps_);
  for (std::size_t i = 0; i < values.size(); ++i) {
    first_[i] = kFirstDecay * first_[i] + (1.0 - kFirstDecay) * gradient[i];
    second_[i] = kSecondDecay * second_[i] + (1.0 - kSecondDecay) * gradient[i] * gradient[i];
    values[i] -= rate * (first_[i] / first_share) / (std::sqrt(second_[i] / second_share) + kTiny);
  }
}

}  // namespace hsconas
