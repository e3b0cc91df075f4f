#include "hsconas/kernels/norm_factors.hpp"

#include <cmath>
#include <cstddef>

namespace hsconas {

NormFactors::NormFactors(const NormStatistics& statistics, double epsilon)
    : scale_(static_cast<std::size_t>(padded_channels(static_cast<int>(statistics.mean.size())))),
      shift_(scale_.size()) {
  for (std::size_t c = 0; c < statistics.mean.size(); ++c) {
    const double scale = 1.0 / std::sqrt(statistics.variance[c] + epsilon);
    scale_[c] = static_cast<float>(scale);
    shift_[c] = static_cast<float>(-statistics.mean[c] * scale);
  }
}

}  // namespace hsconas
