#include "hsconas/base/gzip.hpp"

#include <limits>
#include <zlib.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/rng.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
namespace fs = std::filesystem;

namespace {

void write_gzip(const fs::path& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  const int written = gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  CHECK(gzclose(file) == Z_OK);
  CHECK(written == static_cast<int>(bytes.size()));
}

/// Bytes that hardly compress, so that a file cut in half really lacks some of them.
std::string random_bytes(std::size_t size) {
  Rng rng(1, "gzip-test");
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(rng.below(256));
  return bytes;
}

std::string reading_error(const fs::path& path, std::size_t max_bytes = 1000) {
  return error_of([&] { read_gzip(path, max_bytes); });
}

}  // namespace

TEST_CASE("a plain file and a gzip file read the same, whatever their names", "[base]") {
  const TemporaryFolder folder;
  const std::string contents = random_bytes((std::size_t{1} << 20U) + 17);  // More than one block.
  write_file(folder / "plain.gz", contents);
  write_gzip(folder / "packed", contents);
  CHECK(read_file(folder / "packed") != contents);
  CHECK(read_gzip(folder / "plain.gz") == contents);
  CHECK(read_gzip(folder / "packed") == contents);
}

TEST_CASE("an empty file reads as nothing, plain or packed", "[base]") {
  const TemporaryFolder folder;
  write_file(folder / "plain", "");
  write_gzip(folder / "packed", "");
  CHECK(read_gzip(folder / "plain").empty());
  CHECK(read_gzip(folder / "packed", 0).empty());
}

TEST_CASE("a gzip file cut short anywhere is a data error that names it", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder / "x.gz";
  write_gzip(path, random_bytes(300));
  const std::string packed = read_file(path);
  // Two bytes are the magic number of gzip.
  for (std::size_t size = 2; size < packed.size(); ++size) {
    write_file(path, packed.substr(0, size));
    CAPTURE(size);
    CHECK(contains(reading_error(path),
                   "data: " + path.string() + ": cannot be unpacked, it is truncated or damaged"));
  }
}

TEST_CASE("a gzip file with a changed byte is a data error that names it", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder / "x.gz";
  write_gzip(path, random_bytes(300));
  std::string packed = read_file(path);
  packed[packed.size() / 2] ^= 1;
  write_file(path, packed);
  CHECK(contains(reading_error(path), "data: " + path.string() + ": cannot be unpacked"));
}

TEST_CASE("a file that cannot be opened is a data error with its name and the reason", "[base]") {
  const TemporaryFolder folder;
  CHECK(reading_error(folder / "none") ==
        "data: " + (folder / "none").string() + ": cannot be opened (No such file or directory)");
  CHECK(reading_error(folder / "") ==
        "data: " + (folder / "").string() + ": cannot be opened (Is a directory)");
}

TEST_CASE("the limit counts unpacked bytes, plain or packed", "[base]") {
  const TemporaryFolder folder;
  const std::string contents(11, 'x');
  write_file(folder / "plain", contents);
  write_gzip(folder / "packed", contents);
  for (const char* name : {"plain", "packed"}) {
    CHECK(read_gzip(folder / name, 11) == contents);
    CHECK(read_gzip(folder / name, std::numeric_limits<std::size_t>::max()) == contents);
    CHECK(reading_error(folder / name, 10) ==
          "data: " + (folder / name).string() + ": holds more than the 10 bytes expected at most");
  }
}

TEST_CASE("a file read in pieces gives its bytes in order, then nothing", "[base]") {
  const TemporaryFolder folder;
  write_gzip(folder / "x.gz", "abcdefg");
  GzFile file(folder / "x.gz");
  std::vector<std::uint8_t> head;
  file.read(3, head);
  CHECK(head == std::vector<std::uint8_t>{'a', 'b', 'c'});
  std::string rest = ">";
  file.read(100, rest);
  CHECK(rest == ">defg");
  file.read(100, rest);
  CHECK(rest == ">defg");
}
