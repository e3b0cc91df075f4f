#define HSCONAS_LANES 16
#include "conv_impl.hpp"

namespace hsconas {

ConvKernels avx512_vnni_kernels(ConvKernels avx512);
/// `avx512` with products of halves in integers.
ConvKernels avx512_vnni_kernels(ConvKernels avx512) {
  avx512.isa = "avx512-vnni";
  avx512.half = forward_kernels<Half, Fixed>();
  return avx512;
}

}  // namespace hsconas
