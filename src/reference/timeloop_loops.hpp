#pragma once

#include <cstddef>
#include <string_view>

namespace hsconas::timeloop {

constexpr std::string_view kLetters = "NKCRSPQ";  ///< The loops of a mapping.

/// The position of `dim` in kLetters; npos if it is none of them.
inline std::size_t letter(char dim) {
  return kLetters.find(dim);
}

}  // namespace hsconas::timeloop
