#include "depthwise.hpp"

namespace hsconas::cuda::bench {

void check_depthwise_fp16(Bench& bench) {
  check_depthwise<Half>(bench);
}

}  // namespace hsconas::cuda::bench
