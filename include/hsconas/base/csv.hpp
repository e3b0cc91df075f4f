#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hsconas/base/error.hpp"

namespace hsconas {

/// A comma-separated table with a header line, read strictly: every line has as many cells as the
/// header, and no two columns share a name. Cells are kept as text; number() converts one.
///
/// A cell may be quoted as in RFC 4180 ("a,b", and "" for a quote inside), but may not span lines.
/// Blanks around a cell are dropped unless quoted; blank lines are skipped; a byte-order mark, CRLF
/// line ends and a missing last newline are accepted. A table may have no rows.
class CsvTable {
 public:
  /// Reads a file, plain or gzip-compressed. Throws Error(Data) that names the file and, where
  /// there is one, the line: another format than CSV, no header, a column without a name or with
  /// the name of another, more or fewer cells than the header, a quote that is unclosed or out of
  /// place.
  static CsvTable load(const std::filesystem::path& path);
  /// Parses `text`; errors are those of load() and name `source` as the file, and say if it
  /// `was_packed`.
  static CsvTable parse(std::string_view text, std::string source, bool was_packed = false);

  /// Name of the file, as errors give it.
  const std::string& source() const { return source_; }
  std::size_t rows() const { return lines_.size(); }
  bool has(std::string_view column) const;
  /// The columns' names, in order.
  const std::vector<std::string>& header() const { return header_; }
  /// Index of a column; throws Error(Data) "FILE: has no column 'x' (did you mean 'y'?)".
  std::size_t column(std::string_view name) const;

  // In the functions below `row` counts from 0, without the header and blank lines.
  const std::string& text(std::size_t row, std::size_t column) const;
  /// A finite number; throws Error(Data) "FILE:17: ms must be a number, got 'abc'".
  double number(std::size_t row, std::size_t column) const;

  /// Returns what `parse` makes of the text of a cell. If `parse` throws an Error(Usage), throws an
  /// Error(Data) instead, whose message has the file and the line in front: "FILE:17: <message>".
  template <typename Parse>
  auto parsed(std::size_t row, std::size_t column, Parse parse) const {
    try {
      return parse(text(row, column));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::Usage) refuse(row, error.what());
      throw;
    }
  }

  /// Throws Error(Data) "FILE:17: <column name> <problem>"; 17 is the line in the file.
  [[noreturn]] void fail(std::size_t row, std::size_t column, std::string_view problem) const;

 private:
  CsvTable() = default;
  [[noreturn]] void refuse(std::size_t row, std::string_view sentence) const;

  std::string source_;
  std::vector<std::string> header_;
  std::vector<std::string> cells_;  ///< [row][column], row-major.
  std::vector<std::size_t> lines_;  ///< The line of each row in the file, counted from 1.
};

}  // namespace hsconas
