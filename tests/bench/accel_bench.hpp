#pragma once

namespace hsconas::bench {

/// Prints the accelerator model's speeds; false when its ways of evaluating disagree.
bool accel_bench();

}  // namespace hsconas::bench
