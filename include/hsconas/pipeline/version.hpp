#pragma once

#include <string>

namespace hsconas {

/// The content of version.txt: versions of the program, its libraries and the compiler, and the
/// devices of this machine, one per line.
std::string version_text();

}  // namespace hsconas
