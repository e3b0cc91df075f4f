#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// A table of a page: columns of numbers right-aligned as in TextTable. Cells are escaped.
class HtmlTable {
 public:
  explicit HtmlTable(std::vector<std::string> head) : head_(std::move(head)) {}

  /// `row` has as many cells as the head; `is_strong` rows stand out.
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

/// A drawing with what there is to say about it.
std::string figure(std::string_view svg, std::string_view caption);

/// A part under a heading; `body` is HTML.
std::string section(std::string_view title, std::string_view body);

/// Something that may be folded away, open at first and in print; `body` is HTML.
std::string foldable(std::string_view title, std::string_view body);

/// A whole document with the styles and the script of all reports. It needs nothing from elsewhere
/// and says so to the browser; without scripts it lacks only the quick look at points and the
/// switches of the legends. Light or dark as the reader's system is, and black on white in print.
std::string html_page(std::string_view title, std::string_view body);

}  // namespace hsconas
