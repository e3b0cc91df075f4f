#pragma once

#include <cstdint>

namespace hsconas {

/// a / b, rounded up. Both must be positive.
inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace hsconas
