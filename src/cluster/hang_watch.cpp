#include "hang_watch.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "signals_blocked.hpp"

namespace hsconas {

HangWatch::HangWatch(std::chrono::milliseconds limit, std::function<void(const Error&)> on_hang)
    : limit_(limit), on_hang_(std::move(on_hang)) {
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
  const auto pause =
      std::clamp(limit_ / 10, std::chrono::milliseconds(1), std::chrono::milliseconds(1000));
  std::unique_lock lock(mutex_);
  while (!end_.wait_for(lock, pause, [this] { return is_over_; })) {
    if (!deadline_ || Clock::now() < *deadline_) continue;
    deadline_.reset();
    const Error error(ErrorKind::Lost,
                      fmt::format("no answer from another process of this run for {} s (in {}); "
                                  "--resume continues",
                                  limit_.count() / 1000, call_));
    lock.unlock();
    on_hang_(error);
    lock.lock();
  }
}

HangWatch::Call::Call(HangWatch& watch, const std::string& name) : watch_(watch) {
  const std::lock_guard lock(watch_.mutex_);
  watch_.call_ = name;
  watch_.deadline_ = Clock::now() + watch_.limit_;
}

HangWatch::Call::~Call() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.deadline_.reset();
}

}  // namespace hsconas
