#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <torch/csrc/distributed/c10d/Store.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/launch.hpp"
#include "hsconas/base/stop_token.hpp"

namespace hsconas {

/// The first line of a message of LibTorch; a stack trace follows it.
std::string first_line(const std::string& message);

/// Texts and counters that the processes of a run share. Rank 0, or an agent of torchrun, serves
/// them to the others. Every function throws std::exception once the server is gone.
class RunStore {
 public:
  /// Serves the store of `launch`, or waits for its server and connects to it. Throws Error(Usage)
  /// if the port is in use, Error(Lost) if there is no server within `patience`, Error(Interrupted)
  /// if `stop` is requested before.
  RunStore(const ProcessLaunch& launch, std::chrono::milliseconds patience, const StopToken& stop);

  /// The same store for LibTorch, under keys that begin with `name`.
  c10::intrusive_ptr<c10d::Store> part(const std::string& name) const;
  /// How long LibTorch waits for a key of its own.
  void set_timeout(std::chrono::milliseconds timeout) { store_->setTimeout(timeout); }

  void set(const std::string& key, const std::string& text);
  bool has(const std::string& key) { return store_->check({key}); }
  /// The text at a key that has been set.
  std::string get(const std::string& key);
  /// Adds to a counter, which begins with 0, and returns its new value.
  std::int64_t add(const std::string& counter, std::int64_t value) {
    return store_->add(counter, value);
  }

  /// Says for all ranks that this one cannot go on. The first failure of a run counts.
  void announce(int rank, const std::string& host, const Error& error);
  /// The failure that was announced, as an Error for the other ranks.
  std::optional<Error> failure();

 private:
  c10::intrusive_ptr<c10d::Store> store_;
};

}  // namespace hsconas
