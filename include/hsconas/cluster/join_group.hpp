#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "hsconas/base/launch.hpp"
#include "hsconas/base/process_group.hpp"
#include "hsconas/base/stop_token.hpp"

namespace hsconas {

struct JoinOptions {
  std::string program;  ///< Its version and command, which must be the same in all processes.
  /// How long rank 0 waits for the others, and they for it.
  std::chrono::milliseconds join_timeout = std::chrono::seconds(300);
  /// How long a collective waits for the other ranks.
  std::chrono::milliseconds timeout = std::chrono::seconds(300);
  /// A call that takes this much longer than `timeout` hangs in a library.
  std::chrono::milliseconds grace = std::chrono::seconds(30);
  /// Called from another thread if a call hangs, with a sentence. It must end the process, which
  /// nothing else can do then.
  std::function<void(const Error&)> on_hang;
};

/// Meets the other processes of a run, which `launch` describes, and returns their group. It
/// exchanges data with Gloo, over TCP, and sums in the memory of GPUs with NCCL. A launch of one
/// process gives a SingleGroup.
///
/// If a rank fails, the calls of the others throw its Error, with the rank and its host in front.
/// If a rank is lost without a word (killed, or its host is gone) or does not come to a collective
/// within `timeout`, they throw Error(Lost).
///
/// fail() takes up to two seconds on the rank that serves the store, so that the others can still
/// read why. After fail() the process must end without destroying static objects (_exit): threads
/// of the libraries may hang.
///
/// Throws Error(Usage) if the build has no Gloo, the port is in use or the processes do not fit
/// together, Error(Lost) if some do not come in time, and Error(Interrupted) if `stop` is requested
/// while rank 0 waits.
std::shared_ptr<ProcessGroup> join_group(const ProcessLaunch& launch, const StopToken& stop,
                                         const JoinOptions& options);

}  // namespace hsconas
