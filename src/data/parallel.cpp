#include "hsconas/data/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <sched.h>
#include <thread>
#include <vector>

namespace hsconas {

int resolve_workers(int workers) {
  if (workers > 0) return workers;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  // The call fails on machines with more than 1024 cores; their number of cores is used instead.
  if (::sched_getaffinity(0, sizeof(cpus), &cpus) == 0) return std::max(1, CPU_COUNT(&cpus));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(std::int64_t count, int workers, const std::function<void(std::int64_t)>& work) {
  constexpr std::int64_t kBlock = 16;
  std::atomic<std::int64_t> next{0};
  std::exception_ptr error;
  std::mutex mutex;
  const auto run = [&] {
    try {
      for (std::int64_t begin = next.fetch_add(kBlock); begin < count;
           begin = next.fetch_add(kBlock)) {
        const std::int64_t end = std::min(begin + kBlock, count);
        for (std::int64_t i = begin; i < end; ++i) work(i);
      }
    } catch (...) {
      const std::scoped_lock lock(mutex);
      if (error == nullptr) error = std::current_exception();
      next = count;
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::int64_t blocks = (count + kBlock - 1) / kBlock;
    for (std::int64_t t = 1; t < std::min<std::int64_t>(workers, blocks); ++t) {
      threads.emplace_back(run);
    }
    run();
  }
  if (error != nullptr) std::rethrow_exception(error);
}

}  // namespace hsconas
