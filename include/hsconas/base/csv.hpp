#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// A comma-separated table with a header line, read strictly: every line has as many cells as the
/// header, every column a name of its own. Cells are text until asked for as a number.
///
/// A cell may be quoted as in RFC 4180 ("a,b", and "" for a quote inside), but not over several
/// lines. Blanks around a cell do not count unless quoted; blank lines are skipped; a byte-order
/// mark, CRLF line ends and a missing last newline are fine. A table without rows is one too.
class CsvTable {
 public:
  /// Reads a file, plain or gzip-compressed. Throws Error(Data) that names the file, and the line
  /// where there is one: no header, a column without a name or with that of another, a line with
  /// another number of cells than the header, a quote that is not closed or out of place.
  static CsvTable load(const std::filesystem::path& path);
  /// The same from memory; `source` stands for the file in errors.
  static CsvTable parse(std::string_view text, std::string source);

  /// The file, for errors.
  const std::string& source() const { return source_; }
  std::size_t rows() const { return lines_.size(); }
  bool has(std::string_view column) const;
  /// The columns' names, in order.
  const std::vector<std::string>& header() const { return header_; }
  /// Index of a column; throws Error(Data) "FILE: has no column 'x' (did you mean 'y'?)".
  std::size_t column(std::string_view name) const;

  // Cells. `row` counts from 0 and leaves out the header and blank lines.
  const std::string& text(std::size_t row, std::size_t column) const;
  /// A finite number; throws Error(Data) "FILE:17: ms must be a number, got 'abc'".
  double number(std::size_t row, std::size_t column) const;

  /// Throws Error(Data) "FILE:17: <column name> <problem>"; 17 is the line in the file.
  [[noreturn]] void fail(std::size_t row, std::size_t column, std::string_view problem) const;

 private:
  CsvTable() = default;

  std::string source_;
  std::vector<std::string> header_;
  std::vector<std::string> cells_;  ///< [row][column], row-major.
  std::vector<std::size_t> lines_;  ///< The line of each row in the file, counted from 1.
};

}  // namespace hsconas
