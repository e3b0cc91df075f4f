#include "hsconas/kernels/conv_kernels.hpp"

#include <vector>

#if defined(HSCONAS_X86) && defined(__linux__)
#define HSCONAS_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace hsconas {

ConvKernels generic_kernels();
#ifdef HSCONAS_X86
ConvKernels avx2_kernels();
ConvKernels avx512_kernels();
ConvKernels avx512_vnni_kernels(ConvKernels avx512);
ConvKernels avx512_bf16_kernels(ConvKernels avx512);
ConvKernels avx512_amx_kernels(ConvKernels avx512);
#endif

#ifdef HSCONAS_AMX
namespace {

/// Whether the processor multiplies tiles of bf16, and Linux lets this process use them. A process
/// has to ask for that, because tiles enlarge the state of its threads.
bool may_use_amx() {
  constexpr unsigned kBf16 = 1U << 22;
  constexpr unsigned kTiles = 1U << 24;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((edx & kBf16) == 0 || (edx & kTiles) == 0) return false;
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace
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
        if (__builtin_cpu_supports("avx512bf16")) {
#ifdef HSCONAS_AMX
          if (may_use_amx()) found.push_back(avx512_amx_kernels(vnni));
#endif
          found.push_back(avx512_bf16_kernels(vnni));
        }
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
