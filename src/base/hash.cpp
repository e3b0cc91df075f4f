#include "hsconas/base/hash.hpp"

#include <algorithm>
#include <limits>
#include <zlib.h>

#include <fmt/format.h>

namespace hsconas {

std::string fingerprint(std::string_view text) {
  return fmt::format("{:016x}", fnv1a(text));
}

void Crc32::add(std::string_view data) {
  while (!data.empty()) {
    const auto part = std::min<std::size_t>(data.size(), std::numeric_limits<uInt>::max());
    value_ = static_cast<std::uint32_t>(
        ::crc32(value_, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(part)));
    data.remove_prefix(part);
  }
}

std::string Crc32::digits() const {
  return fmt::format("{:08x}", value_);
}

std::string crc32_of(std::string_view text) {
  Crc32 crc;
  crc.add(text);
  return crc.digits();
}

}  // namespace hsconas
