#include "hsconas/kernels/parallel.hpp"

#include <atomic>
#include <exception>
#include <vector>

namespace hsconas {

namespace {

/// The parts of one thread that are not yet taken, [next, end), on a cache line of its own.
struct alignas(64) Share {
  std::atomic<std::size_t> next = 0;
  std::size_t end = 0;
};

}  // namespace

void in_parallel(int threads, std::size_t parts,
                 const std::function<void(std::size_t thread, std::size_t part)>& work) {
  const auto count = static_cast<std::size_t>(threads);
  std::vector<Share> shares(count);
  for (std::size_t i = 0; i < count; ++i) {
    shares[i].next = parts * i / count;
    shares[i].end = parts * (i + 1) / count;
  }
  std::atomic<bool> has_failed = false;
  std::exception_ptr error;
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
  for (std::size_t thread = 0; thread < count; ++thread) {
    for (std::size_t ahead = 0; ahead < count; ++ahead) {
      Share& share = shares[(thread + ahead) % count];
      for (std::size_t part = share.next++; part < share.end && !has_failed; part = share.next++) {
        try {
          work(thread, part);
        } catch (...) {
          if (!has_failed.exchange(true)) error = std::current_exception();
        }
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace hsconas
