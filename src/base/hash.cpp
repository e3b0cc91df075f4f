#include "hsconas/base/hash.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <zlib.h>

#include <fmt/format.h>

namespace hsconas {

namespace {

constexpr std::array<std::uint32_t, 256> crc32c_table() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78U;  // 0x1edc6f41 with its bits reversed.
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    table[byte] = crc;
  }
  return table;
}

}  // namespace

std::uint32_t crc32c(std::string_view data) {
  static constexpr auto kTable = crc32c_table();
  std::uint32_t crc = ~0U;
  for (const char c : data) {
    crc = (crc >> 8U) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xffU];
  }
  return ~crc;
}

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
