#include "signals.hpp"

#include <atomic>
#include <ctime>
#include <signal.h>
#include <string_view>
#include <unistd.h>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

StopToken stop_token;  // A signal handler can only reach global objects.

constexpr int kExitSecondInterrupt = 130;
constexpr const char* kNothingWritten = "stopped on request; nothing has been written";

/// Milliseconds of a monotonic clock. Safe to call in a signal handler.
long long now_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1'000'000;
}

std::atomic<long long> first_interrupt_ms{0};
std::atomic<bool> ends_at_once{false};

/// Requests a stop after the current step; a second Ctrl-C exits at once. A terminal and timeout(1)
/// may signal both the process and its group, so signals within a short time count as one.
extern "C" void on_signal(int signal) {
  constexpr long long kSameRequestMs = 300;
  if (ends_at_once) {
    for (const std::string_view part : {"hsconas: ", kNothingWritten, "\n"}) {
      [[maybe_unused]] const auto written = ::write(STDERR_FILENO, part.data(), part.size());
    }
    ::_exit(static_cast<int>(ErrorKind::Interrupted));
  }
  if (!stop_token.requested()) {
    first_interrupt_ms = now_ms();
    stop_token.request();
    ::alarm(1);
  } else if (signal == SIGINT && now_ms() - first_interrupt_ms > kSameRequestMs) {
    ::_exit(kExitSecondInterrupt);
  }
}

/// Waiting for a pipe ends when a signal comes. Once a stop was requested there is one every
/// second, so that a wait which began just after the request ends as well.
extern "C" void on_alarm(int /*signal*/) {
  ::alarm(1);
}

void handle(int signal, void (*handler)(int) = on_signal) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

const StopToken& stop_of_signals() {
  return stop_token;
}

void handle_signals() {
  static const bool ignores_hangup = [] {  // nohup starts programs like that.
    struct sigaction action {};
    return ::sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
  }();
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU}) handle(signal);
  handle(SIGALRM, on_alarm);
  handle(SIGHUP, ignores_hangup ? SIG_IGN : on_signal);
}

void end_at_signals() {
  ends_at_once = true;
  if (stop_token.requested()) throw Error(ErrorKind::Interrupted, kNothingWritten);
}

void stop_on_closed_pipe() {
  handle(SIGPIPE);
}

}  // namespace hsconas
