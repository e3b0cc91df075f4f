#include "hsconas/data/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "hsconas/base/usable_cpus.hpp"

namespace hsconas {

int resolve_workers(int workers) {
  return workers > 0 ? workers : usable_cpus();
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
