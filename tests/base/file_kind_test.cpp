#include "hsconas/base/file_kind.hpp"

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace hsconas;
using namespace std::string_literals;

TEST_CASE("a file's kind is told by its first bytes", "[base]") {
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"\x7F\x45LF\x02\x01\x01\0\0\0"s, "is a program or library (ELF)"},
      {"\x1F\x8B\x08\0"s, "is gzip-compressed"},
      {"BZh91AY&SY\x01\x02", "is bzip2-compressed"},
      {"\xFD\x37zXZ\0\0"s, "is xz-compressed"},
      {"PK\x03\x04\x14\0"s, "is a ZIP archive or an Excel or OpenDocument file"},
      {"\x89PNG\r\n\x1A\n\0"s, "is a PNG image"},
      {"\xFF\xD8\xFF\xE0", "is a JPEG image"},
      {"BM\x36\0\0\0"s, "is a BMP image"},
      {"\0\0\0\x20"
       "ftypavif"s,
       "is an AVIF image"},
      {"a.txt"s + std::string(252, '\0') + "ustar", "is a tar archive"},
      {"%PDF-1.7\n%\xE2\xE3", "is a PDF document"},
      {"\xFF\xFE{\0}\0"s, "is UTF-16 text"},
      {"\xFF\xFE\0\0{\0\0\0"s, "is UTF-32 text"},
      {"\x01\x02\x03\x04\x05", "is a binary file"},
      {"one\0two"s, "is a binary file"},
      {"", "is empty"},
      {"\xEF\xBB\xBF \r\n", "is empty"}};
  for (const auto& [bytes, claim] : kinds) CHECK(kind_of_file(bytes).claim == claim);
}

TEST_CASE("a text's kind is told by its first lines", "[base]") {
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"{\"fmt\":\"WEBP\"}", "is JSON"},
      {"\n [1, 2]", "is JSON"},
      {"[[1],\n[2]]", "is JSON"},
      {"<!DOCTYPE html>", "is HTML or XML"},
      {"# a comment\n\nspace: a.json\n", "looks like YAML"},
      {"- a\n- b\n", "looks like YAML"},
      {"[data]\npath = 1\n", "looks like TOML or INI"},
      {"[[stage]]\n", "looks like TOML or INI"},
      {"seed = 3\n", "looks like TOML or INI"},
      {"arch\tms\n0:0-0:0\t4.25\n", "is text separated by tabs"},
      {"arch\tms\n", "is text separated by tabs"},
      {"arch;ms\n0:0;4,25\n", "is text separated by semicolons"},
      {"arch,ms\n0:0,4.25\n", "looks like CSV"},
      {"PAR1,PAR2\n1,2\n", "looks like CSV"},
      {"To be, or not to be.\nThat is the question.\n", ""},
      {"caf\xE9\n", ""},
      {"a \x1B[31mred\x1B[0m word", ""}};
  for (const auto& [text, claim] : kinds) {
    CAPTURE(text);
    CHECK(kind_of_file(text).claim == claim);
  }
}

TEST_CASE("the sentence about a wrong file names its kind, and the remedy or what was expected",
          "[base]") {
  CHECK(other_than("\xFF\xFE{\0}\0"s, "JSON") == "is UTF-16 text; save it as UTF-8");
  CHECK(other_than("\xFF\xFE{\0}\0"s, "a tensor file") == "is UTF-16 text, not a tensor file");
  CHECK(other_than("%PDF-1.7", "CSV") == "is a PDF document, not CSV");
  CHECK(other_than("PK\x03\x04", "CSV") ==
        "is a ZIP archive or an Excel or OpenDocument file; save it as plain text");
  CHECK(other_than("a: 1", "JSON") == "looks like YAML; write it as JSON");
  CHECK(other_than("a: 1", "CSV") == "looks like YAML, not CSV");
  CHECK(other_than("{}", "CSV") == "is JSON, not CSV");
  CHECK(other_than("{}", "JSON").empty());
  CHECK(other_than("a,b\n1,2", "CSV").empty());
  CHECK(other_than("a,b\n1,2", "JSON") == "looks like CSV, not JSON");
  CHECK(other_than("some words", "JSON").empty());
  CHECK(other_than_text("a: 1", "CSV").empty());
  CHECK(other_than_text("\x7F\x45LF\0"s, "CSV") == "is a program or library (ELF), not CSV");
}
