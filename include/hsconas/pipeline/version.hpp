#pragma once

#include <string>

namespace hsconas {

/// Name and version of the program: "hsconas 0.1.0".
std::string version_line();

/// The content of version.txt: versions of the program, its libraries and the compiler, and the
/// devices of this machine, one per line.
std::string version_text();

}  // namespace hsconas
