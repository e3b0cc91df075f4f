#define HSCONAS_LANES 16
#include "conv_impl.hpp"

namespace hsconas {

ConvKernels avx512_amx_kernels(ConvKernels avx512);
/// `avx512` with products of Bf16 in tile registers.
ConvKernels avx512_amx_kernels(ConvKernels avx512) {
  avx512.isa = "avx512-amx";
  avx512.bf16 = forward_kernels<Bf16, Bf16>();
  avx512.bf16_back = backward_kernels<Bf16, Bf16>();
  return avx512;
}

}  // namespace hsconas
