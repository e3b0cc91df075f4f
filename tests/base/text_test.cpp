#include "hsconas/base/text.hpp"

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("the nearest known word is suggested, or all of them when none is near", "[base]") {
  const std::vector<std::string> known{"population", "parents"};
  CHECK(suggestion("popluation", known) == " (did you mean 'population'?)");
  CHECK(suggestion("popu", known) == " (did you mean 'population'?)");
  CHECK(suggestion("xyz", known) == " (known: population, parents)");
  CHECK(suggestion("reparation", known) == " (known: population, parents)");
  CHECK(suggestion("xyz", {}).empty());
}

TEST_CASE("edit distance counts insertions, deletions and replacements", "[base]") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("same", "same") == 0);
}

TEST_CASE("split and join are inverse", "[base]") {
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", ',').size() == 1);
  CHECK(join(split("2:9-0:5", '-'), "-") == "2:9-0:5");
}

TEST_CASE("a duration is shown in its two largest units", "[base]") {
  CHECK(format_duration(0.4) == "0 s");
  CHECK(format_duration(59.7) == "1 min 00 s");
  CHECK(format_duration(3 * 3600 + 65) == "3 h 01 min");
}

TEST_CASE("exact text of a double reads back as the same double", "[base]") {
  for (const double value : {0.1, 1.0 / 3.0, 1e-300, 123456789.0, -0.0}) {
    CHECK(std::stod(format_exact(value)) == value);
  }
}

TEST_CASE("text that is not UTF-8 is recognised and printed with its bytes escaped", "[base]") {
  for (const char* sound : {"", "plain", "caf\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\x9C"}) {
    CHECK(is_utf8(sound));
    CHECK(printable(sound) == sound);
  }
  for (const char* broken : {"\xE9", "caf\xE9s", "\xC3", "\xC0\x80", "\xED\xA0\x80",
                             "\xF5\x80\x80\x80", "\xE0\x80\x80", "\xF4\x90\x80\x80", "\x80"}) {
    CHECK_FALSE(is_utf8(broken));
    CHECK(is_utf8(printable(broken)));
  }
  CHECK(printable("caf\xE9s") == "caf\\xE9s");
  CHECK(printable("a\x1B[31mb\x7F") == "a\\x1B[31mb\\x7F");
  CHECK(printable("a\n\tb") == "a\n\tb");
}
