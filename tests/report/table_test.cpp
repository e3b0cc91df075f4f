#include "hsconas/report/table.hpp"

#include "catch.hpp"

using namespace hsconas;

TEST_CASE("numbers are right-aligned, words left-aligned, with a rule under the head", "[report]") {
  TextTable table({"op", "ms", "share"});
  table.add({"shuffle_k3", "0.1", "100 %"});
  table.add({"skip", "12.25", "7 %"});
  CHECK(table.str() ==
        "op             ms  share\n"
        "------------------------\n"
        "shuffle_k3    0.1  100 %\n"
        "skip        12.25    7 %\n");
}

TEST_CASE("a column with at least one word is left-aligned", "[report]") {
  TextTable table({"ms", "kind"});
  table.add({"-", "none"});
  table.add({"-1.25", "7"});
  CHECK(table.str() ==
        "   ms  kind\n"
        "-----------\n"
        "    -  none\n"
        "-1.25  7\n");
}

TEST_CASE("no line of a table ends with spaces", "[report]") {
  TextTable table({"architecture", ""});
  table.add({"a", ""});
  CHECK(table.str() == "architecture\n--------------\na\n");
}

TEST_CASE("a table without rows consists of its head", "[report]") {
  CHECK(TextTable({"key", "meaning"}).str() == "key  meaning\n------------\n");
}

TEST_CASE("a table of one column has no gap", "[report]") {
  TextTable table({"a"});
  table.add({"long"});
  CHECK(table.str() == "a\n----\nlong\n");
}
