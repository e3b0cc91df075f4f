#include "hang_watch.hpp"

#include <utility>

#include "signals_blocked.hpp"

namespace hsconas {

HangWatch::HangWatch(std::function<void(const Error&)> on_hang) : on_hang_(std::move(on_hang)) {
  if (!on_hang_) return;
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

HangWatch::~HangWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  end_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void HangWatch::run() {
  // Beginning a call wakes nobody, which keeps it cheap, so this thread looks from time to time.
  constexpr std::chrono::milliseconds kPause(100);
  std::unique_lock lock(mutex_);
  while (!end_.wait_for(lock, kPause, [this] { return is_over_; })) {
    if (!error_ || Clock::now() < deadline_) continue;
    const Error error = *std::exchange(error_, std::nullopt);
    lock.unlock();
    on_hang_(error);
    lock.lock();
  }
}

HangWatch::Call::Call(HangWatch& watch, std::chrono::milliseconds limit, Error error)
    : watch_(watch) {
  const std::lock_guard lock(watch_.mutex_);
  watch_.error_.emplace(std::move(error));
  watch_.deadline_ = Clock::now() + limit;
}

HangWatch::Call::~Call() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.error_.reset();
}

}  // namespace hsconas
