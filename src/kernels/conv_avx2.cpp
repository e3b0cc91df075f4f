#define HSCONAS_ISA "avx2"
#define HSCONAS_LANES 8
#define HSCONAS_KERNELS kAvx2Kernels
#include "conv_impl.hpp"
