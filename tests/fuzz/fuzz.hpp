#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Runs a reader, which may only return or throw an Error of a kind other than Internal. Anything
/// else ends the process, which libFuzzer reports together with the input.
template <typename Read>
void read_must_not_break(Read&& read) {
  try {
    read();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Internal) {
      fmt::print(stderr, "internal error: {}\n", error.what());
      std::abort();
    }
  }
}

}  // namespace hsconas::fuzz
