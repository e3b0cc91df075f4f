#include "hsconas/base/hash.hpp"

#include <string>

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("the checksum is the CRC-32 of zip and PNG", "[base]") {
  CHECK(crc32_of("") == "00000000");
  CHECK(crc32_of("123456789") == "cbf43926");  // The check value of the catalogue of CRCs.
  CHECK(crc32_of("IEND") == "ae426082");       // As at the end of every PNG file.
}

TEST_CASE("a checksum in parts is that of the whole", "[base]") {
  const std::string text = "the quick brown fox";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Crc32 crc;
    crc.add(text.substr(0, cut));
    crc.add(text.substr(cut));
    CHECK(crc.digits() == crc32_of(text));
  }
}
