#include "hsconas/kernels/conv_kernels.hpp"

#include <vector>

namespace hsconas {

ConvKernels generic_kernels();
#ifdef HSCONAS_X86
ConvKernels avx2_kernels();
ConvKernels avx512_kernels();
ConvKernels avx512_vnni_kernels(ConvKernels avx512);
ConvKernels avx512_bf16_kernels(ConvKernels avx512);
#endif

std::span<const ConvKernels> conv_kernels() {
  static const std::vector<ConvKernels> available = [] {
    std::vector<ConvKernels> found;
#ifdef HSCONAS_X86
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl")) {
      const ConvKernels plain = avx512_kernels();
      if (__builtin_cpu_supports("avx512vnni")) {
        const ConvKernels vnni = avx512_vnni_kernels(plain);
        if (__builtin_cpu_supports("avx512bf16")) found.push_back(avx512_bf16_kernels(vnni));
        found.push_back(vnni);
      }
      found.push_back(plain);
    }
    // Every processor with AVX2 has F16C, which clang 14 cannot test for.
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      found.push_back(avx2_kernels());
    }
#endif
    found.push_back(generic_kernels());
    return found;
  }();
  return available;
}

bool is_supported(const ConvGeometry& shape, bool needs_in_gradient) {
  if (shape.depthwise) {
    return (shape.kernel == 3 || shape.kernel == 5 || shape.kernel == 7) && shape.stride <= 2;
  }
  return !needs_in_gradient || (shape.kernel == 1 && shape.stride == 1);
}

}  // namespace hsconas
