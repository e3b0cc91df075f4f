#include "hsconas/base/text.hpp"

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("the nearest known word is suggested, or all of them when none is near", "[base]") {
  const std::vector<std::string> known{"population", "parents"};
  CHECK(suggestion("popluation", known) == " (did you mean 'population'?)");
  CHECK(suggestion("xyz", known) == " (known: population, parents)");
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

TEST_CASE("durations read well", "[base]") {
  CHECK(format_duration(0.4) == "0 s");
  CHECK(format_duration(59.7) == "1 min 00 s");
  CHECK(format_duration(3 * 3600 + 65) == "3 h 01 min");
}

TEST_CASE("exact text of a double reads back as the same double", "[base]") {
  for (const double value : {0.1, 1.0 / 3.0, 1e-300, 123456789.0, -0.0}) {
    CHECK(std::stod(format_exact(value)) == value);
  }
}
