#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "hsconas/base/error.hpp"

namespace hsconas {

/// Watches, from a thread of its own, calls of a library that may hang in spite of their timeouts.
class HangWatch {
 public:
  using Clock = std::chrono::steady_clock;

  /// Calls `on_hang`, which must end the process, once a call has taken too long. An empty
  /// `on_hang` watches nothing.
  explicit HangWatch(std::function<void(const Error&)> on_hang);
  ~HangWatch();
  HangWatch(const HangWatch&) = delete;
  HangWatch& operator=(const HangWatch&) = delete;

  /// Lasts as long as the watched call. There is one at a time.
  class Call {
   public:
    /// `error` is what on_hang() gets if the call takes longer than `limit`.
    Call(HangWatch& watch, std::chrono::milliseconds limit, Error error);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    HangWatch& watch_;
  };

 private:
  void run();

  const std::function<void(const Error&)> on_hang_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool is_over_ = false;
  std::optional<Error> error_;  ///< Of the call that is running.
  Clock::time_point deadline_;
  std::thread thread_;
};

}  // namespace hsconas
