#pragma once

#include <atomic>

#include "hsconas/base/error.hpp"

namespace hsconas {

/// A request to stop, raised by a signal handler or another thread and tested once per step.
/// Requesting is async-signal-safe.
class StopToken {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

  /// Throws Error(Interrupted) once a stop was requested: for work that has nothing to save.
  void check() const {
    if (requested()) {
      throw Error(ErrorKind::Interrupted, "stopped on request; --resume continues");
    }
  }

 private:
  static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets this flag");
  std::atomic<bool> requested_{false};
};

}  // namespace hsconas
