#pragma once

#include <string>

namespace hsconas {

/// "hsconas 0.1.0".
std::string version_line();

/// Versions of the program and of what it runs on, one per line: the content of version.txt.
std::string version_text();

}  // namespace hsconas
