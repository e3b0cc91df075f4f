#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hsconas {

/// FNV-1a, 64 bits, for random streams and fingerprints of settings. Not for untrusted input.
constexpr std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

/// CRC-32C (Castagnoli; iSCSI, RFC 3720): 0xe3069283 for "123456789".
std::uint32_t crc32c(std::string_view data);

/// fnv1a(text) as 16 hexadecimal digits.
std::string fingerprint(std::string_view text);

/// The CRC-32 of zip and PNG, over data that is added in parts. It detects every single changed
/// byte and every burst of up to 32 changed bits.
class Crc32 {
 public:
  void add(std::string_view data);
  /// Eight hexadecimal digits.
  std::string digits() const;

 private:
  std::uint32_t value_ = 0;
};

/// The CRC-32 of `text` as eight hexadecimal digits.
std::string crc32_of(std::string_view text);

}  // namespace hsconas
