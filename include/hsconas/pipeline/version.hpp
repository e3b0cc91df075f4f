#pragma once

#include <string>

#include "hsconas/base/process_group.hpp"

namespace hsconas {

/// The content of version.txt: versions of the program, its libraries and the compiler, the
/// processes of the run if there are several, and the devices of this machine, one per line.
std::string version_text(const ProcessGroup& group);

}  // namespace hsconas
