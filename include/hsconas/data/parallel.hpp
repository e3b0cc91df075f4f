#pragma once

#include <cstdint>
#include <functional>

namespace hsconas {

/// Calls `work(i)` once for every i in [0, count), from `workers` >= 1 threads and in no order.
/// Rethrows the first exception after all threads have stopped; further work is then skipped.
void parallel_for(std::int64_t count, int workers, const std::function<void(std::int64_t)>& work);

}  // namespace hsconas
