#pragma once

#include "harness.hpp"

// The sections of hsconas_cuda_bench. To add one: a function here, its source in CMakeLists.txt,
// and a line in the table of cuda_bench.cu.

namespace hsconas::cuda::bench {

void card(Bench& bench);
void product_checks(Bench& bench);
void product_times(Bench& bench);
void product_choices(Bench& bench);
void launch_costs(Bench& bench);
void product_costs(Bench& bench);
void first_steps(Bench& bench);
void depthwise_checks(Bench& bench);
void depthwise_times(Bench& bench);

}  // namespace hsconas::cuda::bench
