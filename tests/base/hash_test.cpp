#include "hsconas/base/hash.hpp"

#include <string>

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("the checksum is the CRC-32 of zip and PNG", "[base]") {
  CHECK(crc32_of("") == "00000000");
  CHECK(crc32_of("123456789") == "cbf43926");  // The check value of the catalogue of CRCs.
  CHECK(crc32_of("IEND") == "ae426082");       // It ends every PNG file.
}

TEST_CASE("a checksum computed in parts equals that of the whole", "[base]") {
  const std::string text = "the quick brown fox";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Crc32 crc;
    crc.add(text.substr(0, cut));
    crc.add(text.substr(cut));
    CHECK(crc.digits() == crc32_of(text));
  }
}

TEST_CASE("CRC-32C gives the published values", "[base]") {
  // RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRCs.
  CHECK(crc32c("") == 0U);
  CHECK(crc32c("123456789") == 0xe3069283U);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aaU);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;
  CHECK(crc32c(ascending) == 0x46dd794eU);
}

TEST_CASE("fingerprints are 16 hexadecimal digits of FNV-1a", "[base]") {
  CHECK(fingerprint("") == "cbf29ce484222325");
  CHECK(fingerprint("a") == "af63dc4c8601ec8c");
}
