#pragma once

#include <cstdint>
#include <functional>

namespace hsconas {

/// How many threads a setting asks for: 0 means one per core that the calling thread may run on.
int resolve_workers(int workers);

/// Calls `work(i)` once for every i in [0, count), from `workers` >= 1 threads and in no order.
/// Rethrows the first exception after all threads have stopped; further work is then skipped.
void parallel_for(std::int64_t count, int workers, const std::function<void(std::int64_t)>& work);

}  // namespace hsconas
