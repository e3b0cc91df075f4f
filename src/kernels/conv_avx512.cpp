#define HSCONAS_ISA "avx512"
#define HSCONAS_LANES 16
#define HSCONAS_KERNELS avx512_kernels
#include "conv_impl.hpp"
