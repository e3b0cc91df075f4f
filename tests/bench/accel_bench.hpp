#pragma once

namespace hsconas::bench {

/// Prints the accelerator model's speeds. False if its ways of evaluation disagree.
bool accel_bench();

}  // namespace hsconas::bench
