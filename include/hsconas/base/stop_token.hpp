#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "hsconas/base/error.hpp"
#include "hsconas/base/process_group.hpp"

namespace hsconas {

/// A request to stop, raised by a signal handler or another thread and tested once per step. It
/// belongs to one process. If several processes do a run together, they use GroupStop.
/// Requesting is async-signal-safe.
class StopToken {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

  /// Throws Error(Interrupted) once a stop was requested: for work that has nothing to save.
  void check() const {
    if (requested()) throw stopped();
  }

  static Error stopped() {
    return {ErrorKind::Interrupted, "stopped on request; --resume continues"};
  }

 private:
  static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets this flag");
  std::atomic<bool> requested_{false};
};

/// A request to stop for a group of processes. A signal may reach only some of them, and at
/// different times, so they exchange their flags and stop at the same point. A process that works
/// alone uses its own flag. The token must outlive this object.
class GroupStop {
 public:
  /// For a process that works alone. Not explicit, so that its StopToken can be passed directly.
  GroupStop(const StopToken& token) : GroupStop(token, std::make_shared<SingleGroup>()) {}
  GroupStop(const StopToken& token, std::shared_ptr<ProcessGroup> group)
      : token_(&token), group_(std::move(group)) {}

  const StopToken& token() const { return *token_; }
  ProcessGroup& group() const { return *group_; }

  /// Collective, see ProcessGroup: whether any rank was asked to stop.
  bool agree() const {
    std::int32_t stops = token_->requested() ? 1 : 0;
    group_->max(std::span(&stops, 1));
    return stops != 0;
  }
  /// Collective: throws Error(Interrupted) on all ranks once any was asked to stop, for work that
  /// has nothing to save.
  void check() const {
    if (agree()) throw StopToken::stopped();
  }
  /// Not collective: StopToken::check() where no other rank waits for this one. In a larger group
  /// the request counts at the next check().
  void check_if_alone() const {
    if (group_->size() == 1) token_->check();
  }

 private:
  const StopToken* token_;
  std::shared_ptr<ProcessGroup> group_;
};

}  // namespace hsconas
