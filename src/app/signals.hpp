#pragma once

#include "hsconas/base/stop_token.hpp"

namespace hsconas {

/// The stop that signals request.
const StopToken& stop_of_signals();

/// Handles the signals that batch schedulers, and a terminal that is closed, send before they kill.
/// Call it again after loading a library that may handle signals itself.
void handle_signals();

/// From now on a signal ends the process at once, with a sentence and the exit code for it. For
/// commands that write nothing until they are done. Throws Error(Interrupted) if there was a signal
/// before.
void end_at_signals();

}  // namespace hsconas
