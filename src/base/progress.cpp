#include "hsconas/base/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::chrono::seconds kLogInterval{15};
constexpr int kBarWidth = 24;

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Progress::Progress(Log& log, std::string what, std::int64_t total, std::int64_t done)
    : log_(log),
      what_(std::move(what)),
      total_(std::max<std::int64_t>(total, 1)),
      start_(done),
      done_(done),
      begin_(Clock::now()),
      last_shown_(begin_) {}

Progress::~Progress() {
  if (log_.interactive()) std::fputs("\r\x1b[K", stderr);
  if (done_ == start_) return;
  const double elapsed = seconds_between(begin_, Clock::now());
  log_.detail(fmt::format("{}: {} of {} in {}", what_, done_, total_, format_duration(elapsed)));
}

void Progress::step(std::int64_t count, std::string_view note) {
  done_ += count;
  const auto now = Clock::now();
  const bool terminal = log_.interactive();
  if (now - last_shown_ < (terminal ? Clock::duration(kRedraw) : Clock::duration(kLogInterval))) {
    return;
  }
  last_shown_ = now;
  if (terminal) {
    draw(note, now);
  } else {
    log_.info(line(note, seconds_between(begin_, now)));
  }
}

std::string Progress::line(std::string_view note, double elapsed) const {
  const double left =
      elapsed * static_cast<double>(total_ - done_) / static_cast<double>(done_ - start_);
  return fmt::format("{}: {}/{}{}{}, {} left", what_, done_, total_, note.empty() ? "" : ", ", note,
                     format_duration(std::max(left, 0.0)));
}

void Progress::draw(std::string_view note, Clock::time_point now) const {
  const auto filled = static_cast<int>(kBarWidth * std::min(done_, total_) / total_);
  const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                          std::string(static_cast<std::size_t>(kBarWidth - filled), '.');
  std::fputs(fmt::format("\r[{}] {}\x1b[K", bar, line(note, seconds_between(begin_, now))).c_str(),
             stderr);
}

}  // namespace hsconas
