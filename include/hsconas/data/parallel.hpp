#pragma once

#include <cstdint>
#include <functional>

namespace hsconas {

/// The number of threads for a setting: 0 means usable_cpus().
int resolve_workers(int workers);

/// Calls `work(i)` once for every i in [0, count), from `workers` >= 1 threads, in no fixed order.
/// After an exception, remaining work is skipped, and the exception is rethrown when all threads
/// have stopped.
void parallel_for(std::int64_t count, int workers, const std::function<void(std::int64_t)>& work);

}  // namespace hsconas
