#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// An HTML table. Columns of numbers are right-aligned, as in TextTable. Cells are escaped.
class HtmlTable {
 public:
  explicit HtmlTable(std::vector<std::string> head) : head_(std::move(head)) {}

  /// Adds a row, which must have as many cells as the head; `is_strong` makes it bold.
  void add(std::vector<std::string> row, bool is_strong = false);
  std::string str() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    bool is_strong = false;
  };
  std::vector<std::string> head_;
  std::vector<Row> rows_;
};

/// "<p>...</p>"; the sentence is escaped.
std::string paragraph(std::string_view sentence);

/// An entry of a list of class "facts": a value, with its name above and `more` below it, unless
/// that is empty. Texts are escaped.
std::string fact(std::string_view name, std::string_view value, std::string_view more);

/// A drawing and its caption; the caption is escaped and may be empty.
std::string figure(std::string_view svg, std::string_view caption);

/// A section with a heading; `body` is HTML.
std::string section(std::string_view title, std::string_view body);

/// A part that readers can collapse; it is open at first and in print. `body` is HTML.
std::string foldable(std::string_view title, std::string_view body);

/// A complete document with the style sheet and the script of all reports. It loads nothing, and
/// its content security policy forbids the browser to. Without scripts only the tooltips of points
/// and the switches of the legends are missing. Colours are light or dark like the reader's system,
/// and black on white in print.
std::string html_page(std::string_view title, std::string_view body);

}  // namespace hsconas
