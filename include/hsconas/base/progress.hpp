#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "hsconas/base/log.hpp"

namespace hsconas {

/// Shows how far a long loop is and the time left: a bar that redraws itself on a terminal, else a
/// log line every 15 seconds, so that batch logs stay readable.
class Progress {
 public:
  /// `what` names the work ("supernet"); `total` is the number of `step()` units, at least 1;
  /// `done` units were finished by an earlier process and do not count for the speed.
  Progress(Log& log, std::string what, std::int64_t total, std::int64_t done = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Reports `count` more finished units; `note` ("loss 1.93") is shown after the count.
  void step(std::int64_t count = 1, std::string_view note = {});

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(std::string_view note, double elapsed) const;
  void draw(std::string_view note, Clock::time_point now) const;

  Log& log_;
  std::string what_;
  std::int64_t total_;
  std::int64_t start_;
  std::int64_t done_;
  Clock::time_point begin_;
  Clock::time_point last_shown_;
};

}  // namespace hsconas
