#define HSCONAS_ISA "avx512-bf16"
#define HSCONAS_LANES 16
#define HSCONAS_KERNELS avx512_bf16_kernels
#include "conv_impl.hpp"
