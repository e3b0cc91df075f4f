#pragma once

#include <vector>

#include "hsconas/kernels/conv_kernels.hpp"

namespace hsconas {

/// Batch statistics per channel; the variance is that of the population (divided by n).
struct NormStatistics {
  std::vector<double> mean;
  std::vector<double> variance;
};

/// Batch norm as one multiplication and one addition per value.
class NormFactors {
 public:
  NormFactors() = default;  ///< No factors: values stay as they are.
  NormFactors(const NormStatistics& statistics, double epsilon);

  Activation activation(bool relu) const { return {scale_.data(), shift_.data(), relu}; }

 private:
  std::vector<float> scale_;
  std::vector<float> shift_;
};

}  // namespace hsconas
