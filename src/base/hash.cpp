#include "hsconas/base/hash.hpp"

#include <fmt/format.h>

namespace hsconas {

std::string fingerprint(std::string_view text) {
  return fmt::format("{:016x}", fnv1a(text));
}

}  // namespace hsconas
