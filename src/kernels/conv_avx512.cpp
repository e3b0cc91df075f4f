#define HSCONAS_ISA "avx512"
#define HSCONAS_LANES 16
#define HSCONAS_KERNELS kAvx512Kernels
#include "conv_impl.hpp"
