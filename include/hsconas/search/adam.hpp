#pragma once

#include <span>
#include <vector>

namespace hsconas {

/// The optimiser Adam, uphill, with the decays .9 and .999 of its authors. Source: Kingma and Ba,
/// Adam: A Method for Stochastic Optimization, ICLR 2015.
class Adam {
 public:
  /// Moves `parameters` one step along `gradient`, which has as many elements in every call.
  void ascend(std::span<double> parameters, std::span<const double> gradient, double learning_rate);

 private:
  std::vector<double> first_;   ///< Moving mean of the gradient.
  std::vector<double> second_;  ///< Moving mean of its square.
  double steps_ = 0.0;
};

}  // namespace hsconas
