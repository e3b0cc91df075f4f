#pragma once

#include <stdexcept>
#include <string>

namespace hsconas {

/// Why a run stopped. Each value is one process exit code (docs/cluster.md),
/// so a batch script can tell "fix the config" from "ask for more memory".
enum class ErrorKind : int {
  Internal = 1,     ///< A bug: an invariant of the program does not hold.
  Usage = 2,        ///< The command line or the config is wrong.
  Data = 3,         ///< A file is missing, unreadable or corrupt.
  Infeasible = 4,   ///< No architecture can meet the constraints asked for.
  Device = 5,       ///< The device is absent or out of memory.
  Lost = 6,         ///< Another process of the run is gone; --resume continues.
  Interrupted = 75  ///< Stopped on request after a checkpoint; --resume continues.
};

/// The only exception type this code throws. `what()` is one sentence that names
/// the thing at fault and, where we know it, the remedy; it is printed as is.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }
  int exit_code() const noexcept { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

/// Runs `action` and returns its result. An Error that it throws gets `name`, such as the file at
/// fault, and a colon in front of its sentence.
template <typename Action>
decltype(auto) naming_errors(const std::string& name, const Action& action) {
  try {
    return action();
  } catch (const Error& error) {
    throw Error(error.kind(), name + ": " + error.what());
  }
}

}  // namespace hsconas
