#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "hsconas/base/error.hpp"

namespace hsconas {

/// Watches calls of a library that may hang in spite of its own timeouts, from a thread of its own.
class HangWatch {
 public:
  using Clock = std::chrono::steady_clock;

  /// Calls `on_hang`, which must end the process, once a call has taken longer than `limit`.
  /// Without `on_hang` nothing is watched.
  HangWatch(std::chrono::milliseconds limit, std::function<void(const Error&)> on_hang);
  ~HangWatch();
  HangWatch(const HangWatch&) = delete;
  HangWatch& operator=(const HangWatch&) = delete;

  /// Lasts as long as the watched call. There is one at a time.
  class Call {
   public:
    Call(HangWatch& watch, const std::string& name);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    HangWatch& watch_;
  };

 private:
  void run();

  const std::chrono::milliseconds limit_;
  const std::function<void(const Error&)> on_hang_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool is_over_ = false;
  std::string call_;
  std::optional<Clock::time_point> deadline_;
  std::thread thread_;
};

}  // namespace hsconas
