#define HSCONAS_ISA "avx2"
#define HSCONAS_LANES 8
#define HSCONAS_KERNELS avx2_kernels
#include "conv_impl.hpp"
