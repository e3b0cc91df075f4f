#include "hsconas/base/version.hpp"

namespace hsconas {

std::string version_line() {
  return "hsconas " HSCONAS_VERSION;
}

}  // namespace hsconas
