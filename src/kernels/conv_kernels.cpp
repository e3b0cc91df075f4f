#include "hsconas/kernels/conv_kernels.hpp"

#include <vector>

namespace hsconas {

extern const ConvKernels kGenericKernels;
#ifdef HSCONAS_X86
extern const ConvKernels kAvx2Kernels;
extern const ConvKernels kAvx512Kernels;
#endif

std::span<const ConvKernels> conv_kernels() {
  static const std::vector<ConvKernels> available = [] {
    std::vector<ConvKernels> found;
#ifdef HSCONAS_X86
    if (__builtin_cpu_supports("avx512f")) found.push_back(kAvx512Kernels);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      found.push_back(kAvx2Kernels);
    }
#endif
    found.push_back(kGenericKernels);
    return found;
  }();
  return available;
}

bool is_supported(const ConvShape& shape, bool needs_in_gradient) {
  if (shape.depthwise) return shape.kernel == 3 || shape.kernel == 5 || shape.kernel == 7;
  return !needs_in_gradient || (shape.kernel == 1 && shape.stride == 1);
}

}  // namespace hsconas
