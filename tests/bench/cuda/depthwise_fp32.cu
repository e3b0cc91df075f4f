#include "depthwise.hpp"

namespace hsconas::cuda::bench {

void check_depthwise_fp32(Bench& bench) {
  check_depthwise<float>(bench);
}

}  // namespace hsconas::cuda::bench
