#pragma once

#include <cmath>

// Weights of an antialiased bilinear resize. The processor and GPUs must compute the same bits, so
// products are rounded before anything is added to them; sources for the processor that include
// this are compiled with -ffp-contract=off. In C++17, since CUDA's compilers read it too.

#if defined(__CUDACC__)
#define HSCONAS_ANYWHERE __host__ __device__ inline
#else
#define HSCONAS_ANYWHERE inline
#endif

namespace hsconas {

/// a * b, rounded before it is used, so that no addition is fused with it.
HSCONAS_ANYWHERE float rounded_product(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}

HSCONAS_ANYWHERE double rounded_product(double a, double b) {
#if defined(__CUDA_ARCH__)
  return __dmul_rn(a, b);
#else
  return a * b;
#endif
}

/// Resizes `size` input positions along one axis to `resized` output positions. Each output is a
/// mean of `taps` neighbouring inputs, weighted by a triangle. In input positions, the triangle
/// reaches to both sides by size / resized when the image shrinks, and by 1 when it grows.
struct TriangleFilter {
  int size;
  double scale;
  double support;
  int taps;  ///< Weights per output position, some of them 0.

  HSCONAS_ANYWHERE TriangleFilter(int size_, int resized)
      : size(size_), scale(static_cast<double>(size_) / resized) {
    support = scale < 1.0 ? 1.0 : scale;
    const int wanted = static_cast<int>(ceil(2.0 * support)) + 1;
    taps = size < wanted ? size : wanted;
  }

  /// Writes the `taps` weights of output position `i`; returns the input position of the first.
  HSCONAS_ANYWHERE int weigh(int i, float* weights) const {
    const double centre = rounded_product(i + 0.5, scale);
    const int low = static_cast<int>(floor(centre - support));
    const int first = low < 0 ? 0 : (low > size - taps ? size - taps : low);
    double sum = 0.0;
    for (int t = 0; t < taps; ++t) {
      const double distance = fabs(first + t + 0.5 - centre) / support;
      const double weight = distance < 1.0 ? 1.0 - distance : 0.0;
      weights[t] = static_cast<float>(weight);
      sum += weight;
    }
    for (int t = 0; t < taps; ++t) weights[t] /= static_cast<float>(sum);
    return first;
  }
};

}  // namespace hsconas
