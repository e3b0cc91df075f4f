#include "hsconas/base/csv.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <iterator>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/file_kind.hpp"
#include "hsconas/base/gzip.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr std::string_view kBlanks = " \t";

/// A line of a source, which errors name.
struct Place {
  const std::string& source;
  std::size_t line = 0;

  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(ErrorKind::Data, fmt::format("{}:{}: {}", source, line, problem));
  }
};

std::string_view without_blanks_before(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

std::string_view without_blanks_after(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

/// Takes a quoted cell, quotes included, off the front of `rest`.
std::string take_quoted(std::string_view& rest, const Place& place) {
  std::string cell;
  while (true) {
    rest.remove_prefix(1);  // The opening quote, or the second of a doubled one.
    const std::size_t quote = rest.find('"');
    if (quote == std::string_view::npos) place.fail("has a quote that is not closed on this line");
    cell += rest.substr(0, quote);
    rest.remove_prefix(quote + 1);
    if (!rest.starts_with('"')) break;
    cell += '"';
  }
  rest = without_blanks_before(rest);
  if (!rest.empty() && !rest.starts_with(',')) place.fail("has text after a closing quote");
  return cell;
}

/// Takes a cell without quotes off the front of `rest`.
std::string take_plain(std::string_view& rest, const Place& place) {
  const std::string_view cell = rest.substr(0, rest.find(','));
  if (cell.find('"') != std::string_view::npos) {
    place.fail("has a quote inside a cell; quote the whole cell and double the quote");
  }
  rest.remove_prefix(cell.size());
  return std::string(without_blanks_after(cell));
}

std::vector<std::string> cells_of(std::string_view line, const Place& place) {
  std::vector<std::string> cells;
  while (true) {
    line = without_blanks_before(line);
    cells.push_back(line.starts_with('"') ? take_quoted(line, place) : take_plain(line, place));
    if (line.empty()) return cells;
    line.remove_prefix(1);  // The comma.
  }
}

void check_header(const std::vector<std::string>& header, const Place& place) {
  for (auto name = header.begin(); name != header.end(); ++name) {
    if (without_blanks_before(*name).empty()) {
      place.fail(fmt::format("column {} of the header has no name", name - header.begin() + 1));
    }
    if (std::find(header.begin(), name, *name) != name) {
      place.fail(fmt::format("the header names '{}' twice", *name));
    }
  }
}

/// Takes a line off the front of `rest` and returns it without its line end.
std::string_view take_line(std::string_view& rest) {
  std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string counted_cells(std::size_t count) {
  return fmt::format("{} cell{}", count, count == 1 ? "" : "s");
}

/// Parses the whole of `text` as a number; the error code tells whether it is one.
std::pair<double, std::errc> parse_number(const std::string& text) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return {value, stop == end ? error : std::errc::invalid_argument};
}

}  // namespace

namespace {

/// Names the format of a text that is not comma-separated, with the remedy; empty for CSV.
std::string why_no_csv(std::string_view text) {
  if (std::string other = other_than_text(text, "CSV"); !other.empty()) return other;
  const FileForm form = kind_of_file(text).form;
  if (form == FileForm::Json || form == FileForm::Markup) return other_than(text, "CSV");
  const std::string_view body =
      text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  const std::string_view header = without_blanks_after(body.substr(0, body.find('\n')));
  if (header.find('\r') < header.size() - 1) {
    return "has lines that end with a carriage return alone; save it with line feeds";
  }
  if (header.find(',') != std::string_view::npos || header.starts_with('"')) return {};
  for (const auto& [separator, name] :
       {std::pair(';', "semicolons"), {'\t', "tabs"}, {'|', "vertical bars"}}) {
    if (header.find(separator) == std::string_view::npos) continue;
    return fmt::format("is separated by {}; separate it by commas, with a point in decimal numbers",
                       name);
  }
  return form == FileForm::Settings ? other_than(text, "CSV") : "";
}

/// Throws Error(Data) that names the format when `text` is not comma-separated text.
void check_is_csv(std::string_view text, const std::string& source, bool was_packed) {
  const std::string what = why_no_csv(text);
  if (what.empty()) return;
  throw Error(ErrorKind::Data,
              source + ": " + (was_packed ? "is gzip-compressed and, unpacked, " : "") + what);
}

/// Whether a line seems to have too many cells because its numbers have decimal commas (4,5).
bool has_decimal_commas(const std::vector<std::string>& cells, std::size_t expected) {
  const auto is_digits = [](const std::string& cell) {
    return !cell.empty() && cell.find_first_not_of("0123456789") == std::string::npos;
  };
  return cells.size() > expected && is_digits(cells.back()) && is_digits(cells[cells.size() - 2]);
}

}  // namespace

CsvTable CsvTable::load(const std::filesystem::path& path) {
  bool was_packed = false;
  const std::string text = read_gzip(path, kMostUnpackedBytes, &was_packed);
  return parse(text, path.string(), was_packed);
}

CsvTable CsvTable::parse(std::string_view text, std::string source, bool was_packed) {
  CsvTable table;
  table.source_ = std::move(source);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  check_is_csv(text, table.source_, was_packed);
  for (Place place{table.source_, 1}; !text.empty(); ++place.line) {
    const std::string_view line = take_line(text);
    if (without_blanks_before(line).empty()) continue;
    std::vector<std::string> cells = cells_of(line, place);
    if (table.header_.empty()) {
      check_header(cells, place);
      table.header_ = std::move(cells);
      continue;
    }
    if (cells.size() != table.header_.size()) {
      place.fail(fmt::format("has {}, but the header has {}{}", counted_cells(cells.size()),
                             table.header_.size(),
                             has_decimal_commas(cells, table.header_.size())
                                 ? "; decimal numbers need a point, 4.5, not a comma"
                                 : ""));
    }
    std::move(cells.begin(), cells.end(), std::back_inserter(table.cells_));
    table.lines_.push_back(place.line);
  }
  if (table.header_.empty()) {
    throw Error(ErrorKind::Data, table.source_ + ": is empty, a header line is needed");
  }
  return table;
}

bool CsvTable::has(std::string_view column) const {
  return std::find(header_.begin(), header_.end(), column) != header_.end();
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: has no column '{}'{}", source_, name, suggestion(name, header_)));
  }
  return static_cast<std::size_t>(found - header_.begin());
}

const std::string& CsvTable::text(std::size_t row, std::size_t column) const {
  assert(row < rows() && column < header_.size());
  return cells_[row * header_.size() + column];
}

double CsvTable::number(std::size_t row, std::size_t column) const {
  const std::string& cell = text(row, column);
  const auto [value, error] = parse_number(cell);
  if (error == std::errc::result_out_of_range) {
    fail(row, column, fmt::format("is too large or too small for a number, got '{}'", cell));
  }
  if (error != std::errc{} || !std::isfinite(value)) {
    const bool has_comma = cell.find(',') != std::string::npos;
    fail(row, column,
         fmt::format("must be a number{}, got '{}'", has_comma ? " with a decimal point" : "",
                     cell));
  }
  return value;
}

void CsvTable::fail(std::size_t row, std::size_t column, std::string_view problem) const {
  assert(row < rows() && column < header_.size());
  refuse(row, fmt::format("{} {}", header_[column], problem));
}

void CsvTable::refuse(std::size_t row, std::string_view sentence) const {
  Place{source_, lines_[row]}.fail(sentence);
}

}  // namespace hsconas
