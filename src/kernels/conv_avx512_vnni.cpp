#define HSCONAS_ISA "avx512-vnni"
#define HSCONAS_LANES 16
#define HSCONAS_KERNELS avx512_vnni_kernels
#include "conv_impl.hpp"
