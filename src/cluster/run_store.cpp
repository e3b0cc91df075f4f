// A LibTorch without Gloo may have no part for several processes at all.
#ifdef HSCONAS_HAVE_GLOO
#include "run_store.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "network.hpp"
#include "signals_blocked.hpp"

namespace hsconas {

namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

Error nobody_serves(const ProcessLaunch& launch, std::chrono::milliseconds patience) {
  return {
      ErrorKind::Lost,
      fmt::format("rank {} on {} found nobody at {}:{} within {} s: check MASTER_ADDR and "
                  "MASTER_PORT, and whether rank 0 runs",
                  launch.rank, host_name(), launch.address, launch.port, patience.count() / 1000)};
}

/// LibTorch would wait for the server too, but tries only once a second, prints a warning each time
/// and cannot be interrupted.
void wait_for_server(const ProcessLaunch& launch, std::chrono::milliseconds patience,
                     const StopToken& stop) {
  const auto end = std::chrono::steady_clock::now() + patience;
  auto pause = std::chrono::milliseconds(5);
  while (!is_listening(launch.address, launch.port)) {
    if (stop.requested()) throw StopToken::stopped();
    if (std::chrono::steady_clock::now() > end) throw nobody_serves(launch, patience);
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::milliseconds(200));
  }
}

c10::intrusive_ptr<c10d::Store> open_store(const ProcessLaunch& launch,
                                           std::chrono::milliseconds patience,
                                           const StopToken& stop) {
  if (!launch.serves_store) wait_for_server(launch, patience, stop);
  const SignalsBlocked blocked;
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(launch.port);
  options.isServer = launch.serves_store;
  options.waitWorkers = false;
  options.timeout = patience;
  try {
    return c10::make_intrusive<c10d::TCPStore>(launch.address, options);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    if (launch.serves_store && what.find("in use") != std::string::npos) {
      throw Error(ErrorKind::Usage, fmt::format("port {} on {} is in use: set MASTER_PORT",
                                                launch.port, host_name()));
    }
    if (launch.serves_store) {
      throw Error(ErrorKind::Usage,
                  fmt::format("rank 0 on {} cannot serve {}:{}: set MASTER_ADDR to its host and "
                              "MASTER_PORT to a free port ({})",
                              host_name(), launch.address, launch.port, first_line(what)));
    }
    throw nobody_serves(launch, patience);
  }
}

/// The kind with the exit code `code`.
ErrorKind kind_of(int code) {
  for (const ErrorKind kind : {ErrorKind::Usage, ErrorKind::Data, ErrorKind::Infeasible,
                               ErrorKind::Device, ErrorKind::Lost, ErrorKind::Interrupted}) {
    if (static_cast<int>(kind) == code) return kind;
  }
  return ErrorKind::Internal;
}

/// Cuts the first line off `text`.
std::string take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string line(text.substr(0, end));
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

constexpr const char* kFailed = "failed";

}  // namespace

std::string first_line(const std::string& message) {
  return message.substr(0, message.find('\n'));
}

RunStore::RunStore(const ProcessLaunch& launch, std::chrono::milliseconds patience,
                   const StopToken& stop)
    : store_(c10::make_intrusive<c10d::PrefixStore>(launch.prefix,
                                                    open_store(launch, patience, stop))) {}

c10::intrusive_ptr<c10d::Store> RunStore::part(const std::string& name) const {
  return c10::make_intrusive<c10d::PrefixStore>(name, store_);
}

void RunStore::set(const std::string& key, const std::string& text) {
  store_->set(key, bytes_of(text));
}

std::string RunStore::get(const std::string& key) {
  const std::vector<std::uint8_t> bytes = store_->get(key);
  return {bytes.begin(), bytes.end()};
}

void RunStore::announce(int rank, const std::string& host, const Error& error) {
  store_->compareSet(
      kFailed, {},
      bytes_of(fmt::format("{}\n{}\n{}\n{}", error.exit_code(), rank, host, error.what())));
}

std::optional<Error> RunStore::failure() {
  if (!has(kFailed)) return std::nullopt;
  const std::string entry = get(kFailed);
  std::string_view rest = entry;
  const ErrorKind kind = kind_of(std::atoi(take_line(rest).c_str()));
  const std::string rank = take_line(rest);
  const std::string host = take_line(rest);
  // A rank that was stopped, or has lost another one, is not the one at fault.
  const bool is_own = kind != ErrorKind::Lost && kind != ErrorKind::Interrupted;
  return Error(kind,
               is_own ? fmt::format("rank {} on {}: {}", rank, host, rest) : std::string(rest));
}

}  // namespace hsconas

#endif
