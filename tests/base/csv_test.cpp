#include "hsconas/base/csv.hpp"

#include <limits>
#include <zlib.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/rng.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

CsvTable parse(std::string_view text) {
  return CsvTable::parse(text, "t.csv");
}

std::string parse_error(std::string_view text) {
  return error_of([&] { parse(text); });
}

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(const CsvTable& table) {
  Rows rows(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t i = 0; i < table.header().size(); ++i) rows[row].push_back(table.text(row, i));
  }
  return rows;
}

std::string number_error(const std::string& cell) {
  return error_of([&] { parse("arch,ms\n\nx," + cell).number(0, 1); });
}

std::string in_quotes(const std::string& cell) {
  std::string text = "\"";
  for (const char c : cell) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

std::string random_cell(Rng& rng) {
  static constexpr std::string_view kCharacters = "ab7.-,\" \t\r;'\xC3\xA9";
  std::string cell;
  for (std::uint64_t left = rng.below(6); left > 0; --left) {
    cell += kCharacters[rng.index(kCharacters.size())];
  }
  return cell;
}

}  // namespace

TEST_CASE("a table reads as its header and its cells, as text and as numbers", "[base]") {
  const CsvTable table = parse("arch,ms,n\nsmall,1.5,3\nlarge,-2e3,-40\n");
  CHECK(table.header() == std::vector<std::string>{"arch", "ms", "n"});
  REQUIRE(table.rows() == 2);
  CHECK(table.column("ms") == 1);
  CHECK(table.has("n"));
  CHECK_FALSE(table.has("N"));
  CHECK(table.text(1, 0) == "large");
  CHECK(table.text(1, 1) == "-2e3");
  CHECK(table.number(0, 1) == 1.5);
  CHECK(table.number(1, 1) == -2000.0);
  CHECK(table.number(0, 2) == 3.0);
  CHECK(table.number(1, 2) == -40.0);
}

TEST_CASE("line ends, byte-order mark, blanks and blank lines do not matter", "[base]") {
  const Rows expected{{"1", "x y"}, {"", "2"}};
  for (const char* text : {"a,b\n1,x y\n,2\n", "a,b\r\n1,x y\r\n,2\r\n", "a,b\n1,x y\n,2",
                           "\xEF\xBB\xBF"
                           "a,b\n1,x y\n,2",
                           " a\t, b \n  1 ,\tx y \n ,2 \n", "\n \t\na,b\n\r\n\n1,x y\n  \n,2\n\n",
                           "\"a\",b\n\"1\",x y\n\"\",2"}) {
    CAPTURE(text);
    const CsvTable table = parse(text);
    CHECK(table.header() == std::vector<std::string>{"a", "b"});
    CHECK(rows_of(table) == expected);
  }
}

TEST_CASE("a header alone is a table without rows", "[base]") {
  CHECK(parse("a,b").rows() == 0);
  CHECK(parse("a,b\n\n").rows() == 0);
  CHECK(parse("a,b").column("b") == 1);
}

TEST_CASE("a quoted cell keeps commas, quotes and blanks", "[base]") {
  const CsvTable table = parse("\"a,\"\"b\"\"\", c\n  \" x, y \" ,\"\"\"\"\n\"\",\"2\"\n");
  CHECK(table.header() == std::vector<std::string>{"a,\"b\"", "c"});
  CHECK(rows_of(table) == Rows{{" x, y ", "\""}, {"", "2"}});
  CHECK(table.number(1, 1) == 2.0);
}

TEST_CASE("an empty cell between or after commas counts", "[base]") {
  CHECK(rows_of(parse("a,b,c\n,,\n1,,\n")) == Rows{{"", "", ""}, {"1", "", ""}});
  CHECK(rows_of(parse("a\n\"\"\n")) == Rows{{""}});
}

TEST_CASE("a file without a header is an error that names it", "[base]") {
  for (const char* text : {"", "\n\n", "  \r\n", "\xEF\xBB\xBF"}) {
    CHECK(parse_error(text) == "data: t.csv: is empty, a header line is needed");
  }
}

TEST_CASE("a column without a name or with that of another is an error", "[base]") {
  CHECK(parse_error("a,,c\n") == "data: t.csv:1: column 2 of the header has no name");
  CHECK(parse_error("\n\na,b,\n") == "data: t.csv:3: column 3 of the header has no name");
  CHECK(parse_error("\" \",b\n") == "data: t.csv:1: column 1 of the header has no name");
  CHECK(parse_error("a,b, a\n") == "data: t.csv:1: the header names 'a' twice");
}

TEST_CASE("a line with another number of cells is an error that names the line", "[base]") {
  CHECK(parse_error("a,b\n1,2\n\n3\n") == "data: t.csv:4: has 1 cell, but the header has 2");
  CHECK(parse_error("a,b\r\n1,2\r\n1,2,\r\n") ==
        "data: t.csv:3: has 3 cells, but the header has 2");
}

TEST_CASE("a quote that is not closed or out of place is an error that names the line", "[base]") {
  CHECK(parse_error("a,b\n1,\"2\n") ==
        "data: t.csv:2: has a quote that is not closed on this line");
  CHECK(parse_error("a\n\"x\ny\"\n") ==
        "data: t.csv:2: has a quote that is not closed on this line");
  CHECK(parse_error("a\n\"x\"\"\n") ==
        "data: t.csv:2: has a quote that is not closed on this line");
  CHECK(parse_error("\"") == "data: t.csv:1: has a quote that is not closed on this line");
  CHECK(parse_error("a\n\"x\" y\n") == "data: t.csv:2: has text after a closing quote");
  CHECK(parse_error("a,b\nx \"y\",1\n") ==
        "data: t.csv:2: has a quote inside a cell; quote the whole cell and double the quote");
}

TEST_CASE("an unknown column is an error that suggests a known one", "[base]") {
  const CsvTable table = parse("architecture,measured_ms\n");
  CHECK(error_of([&] { table.column("measured"); }) ==
        "data: t.csv: has no column 'measured' (did you mean 'measured_ms'?)");
  CHECK(error_of([&] { table.column("xyz"); }) ==
        "data: t.csv: has no column 'xyz' (known: architecture, measured_ms)");
}

TEST_CASE("a cell that is no finite number is an error that names line and column", "[base]") {
  CHECK(number_error("abc") == "data: t.csv:3: ms must be a number, got 'abc'");
  for (const char* cell : {"", "nan", "inf", "-inf", "infinity", "1.5x", "1 2", "1,5", "0x10", "+1",
                           "--1", "1e", "e5", ".", "1.5ms"}) {
    const std::string text = std::string(cell) == "1,5" ? "\"1,5\"" : cell;
    const std::string hint = std::string(cell) == "1,5" ? " with a decimal point" : "";
    CHECK(number_error(text) ==
          "data: t.csv:3: ms must be a number" + hint + ", got '" + std::string(cell) + "'");
  }
  CHECK(number_error("1e999") ==
        "data: t.csv:3: ms is too large or too small for a number, got '1e999'");
  CHECK(number_error("1e-999") ==
        "data: t.csv:3: ms is too large or too small for a number, got '1e-999'");
}

TEST_CASE("an error that a caller raises names the file, the line and the column", "[base]") {
  const CsvTable table = parse("arch,ms\r\n\r\na,1\r\n\r\nb,-1\r\n");
  CHECK(error_of([&] { table.fail(0, 0, "is unknown"); }) == "data: t.csv:3: arch is unknown");
  CHECK(error_of([&] { table.fail(1, 1, "must be positive"); }) ==
        "data: t.csv:5: ms must be positive");
}

TEST_CASE("a table is read from a plain and from a gzip file", "[base]") {
  const TemporaryFolder folder;
  const std::string text = "a,b\n1,2\n";
  write_file(folder / "x.csv", text);
  const gzFile packed = gzopen((folder / "x.csv.gz").c_str(), "wb");
  REQUIRE(gzwrite(packed, text.data(), static_cast<unsigned>(text.size())) == 8);
  REQUIRE(gzclose(packed) == Z_OK);
  CHECK(CsvTable::load(folder / "x.csv").number(0, 1) == 2.0);
  CHECK(CsvTable::load(folder / "x.csv.gz").number(0, 1) == 2.0);
  write_file(folder / "bad.csv", "a,b\n1\n");
  CHECK(error_of([&] { CsvTable::load(folder / "bad.csv"); }) ==
        "data: " + (folder / "bad.csv").string() + ":2: has 1 cell, but the header has 2");
  CHECK(contains(error_of([&] { CsvTable::load(folder / "none.csv"); }), "none.csv"));
}

TEST_CASE("any table written with quotes reads back the same", "[base]") {
  for (std::uint64_t round = 0; round < 300; ++round) {
    Rng rng(1, "csv-test", round);
    const std::size_t columns = 1 + rng.index(4);
    Rows rows(rng.index(5), std::vector<std::string>(columns));
    std::string text;
    for (std::size_t i = 0; i < columns; ++i) {
      if (i > 0) text += ",";
      text += in_quotes("c," + std::to_string(i));
    }
    for (auto& row : rows) {
      text += rng.chance(0.2) ? "\r\n\n" : "\n";
      for (std::size_t i = 0; i < columns; ++i) {
        row[i] = random_cell(rng);
        if (i > 0) text += ",";
        text += std::string(rng.index(3), ' ') + in_quotes(row[i]);
        text += std::string(rng.index(3), '\t');
      }
    }
    CAPTURE(round, text);
    const CsvTable table = parse(text);
    CHECK(rows_of(table) == rows);
    CHECK(table.column("c,0") == 0);
  }
}

TEST_CASE("what a parser refuses is an error of the table that names the line, not the column",
          "[base]") {
  const CsvTable table = parse("arch,ms\n\n1-2,3\n");
  CHECK(table.parsed(0, 0, [](const std::string& text) { return text.size(); }) == 3);
  const auto error = [&](ErrorKind kind) {
    return error_of([&] {
      table.parsed(0, 0, [&](const std::string& text) -> int {
        throw Error(kind, "architecture '" + text + "' is too short");
      });
    });
  };
  CHECK(error(ErrorKind::Usage) == "data: t.csv:3: architecture '1-2' is too short");
  CHECK(error(ErrorKind::Device) == "device: architecture '1-2' is too short");
}

TEST_CASE("broken text of any kind gives a table or a data error, nothing else", "[base]") {
  for (std::uint64_t round = 0; round < 1000; ++round) {
    Rng rng(2, "csv-test", round);
    std::string text = "a,b\n";
    for (std::uint64_t left = rng.below(8); left > 0; --left) {
      text += random_cell(rng) + (rng.chance(0.3) ? "\n" : "");
    }
    CAPTURE(round, text);
    const std::string error = parse_error(text);
    CHECK((error == "nothing" || error.starts_with("data: t.csv:")));
  }
}

TEST_CASE("csv-dialects: a table in another format is an error that names the format", "[base]") {
  CHECK(parse_error("a;b\n1,5;2\n") ==
        "data: t.csv: is separated by semicolons; separate it by commas, with a point in decimal "
        "numbers");
  CHECK(contains(parse_error("\n\na\tb\n1\t2\n"), "data: t.csv: is separated by tabs"));
  CHECK(contains(parse_error("a|b\n1|2\n"), "is separated by vertical bars"));
  CHECK(parse_error(std::string("\xFF\xFE"
                                "a\0,\0b\0",
                                8)) == "data: t.csv: is UTF-16 text; save it as UTF-8");
  CHECK(parse_error("{\"a\": 1}") == "data: t.csv: is JSON, not CSV");
  CHECK(contains(parse_error("PK\x03\x04 sheet"), "ZIP archive or an Excel"));
  CHECK(contains(parse_error("a,b\r1,2\r"), "end with a carriage return alone"));
  CHECK(parse_error("a,b\nx,4,5\n") ==
        "data: t.csv:2: has 3 cells, but the header has 2; decimal numbers need a point, 4.5, not "
        "a comma");
  const CsvTable quoted = parse("a,b\nx,\"4,5\"\n");
  CHECK(error_of([&] { quoted.number(0, 1); }) ==
        "data: t.csv:2: b must be a number with a decimal point, got '4,5'");
  // Latin-1 in a cell that nobody asks for does no harm.
  CHECK(parse("a,b\n1,caf\xE9\n").number(0, 0) == 1.0);
  // In a table of one column a cell may hold a separator of another format.
  CHECK(parse("a\n1;2\n").text(0, 0) == "1;2");
  CHECK(parse("a\t\n1\n").rows() == 1);
}
