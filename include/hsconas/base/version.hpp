#pragma once

#include <string>

namespace hsconas {

/// Name and version of the program: "hsconas 0.1.0".
std::string version_line();

}  // namespace hsconas
