#pragma once

#include <span>
#include <vector>

namespace hsconas {

/// Adam (Kingma and Ba, 2015) for a list of numbers: each moves along the running mean of its
/// gradient, divided by the root of the running mean of the gradient's square.
class Adam {
 public:
  /// One step against `gradient`. Both lists have the same size in every call.
  void descend(std::span<double> values, std::span<const double> gradient, double rate);
  /// One step along `gradient`.
  void ascend(std::span<double> values, std::span<const double> gradient, double rate) {
    descend(values, gradient, -rate);
  }

 private:
  std::vector<double> first_;   ///< Running mean of the gradient.
  std::vector<double> second_;  ///< Running mean of its square.
  double steps_ = 0.0;
};

}  // namespace hsconas
