#define HSCONAS_ISA "generic"
#define HSCONAS_LANES 4
#define HSCONAS_KERNELS generic_kernels
#include "conv_impl.hpp"
