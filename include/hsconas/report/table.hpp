#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// Whether a cell goes into a column of numbers: it begins like one, is empty, or "-", which stands
/// for a number that is missing.
bool looks_like_number(const std::string& cell);

/// A table for a terminal: columns of numbers (with or without a unit) right-aligned, those of
/// words left-aligned, two spaces between columns, a rule under the head.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) : head_(std::move(head)) {}

  /// `row` has as many cells as the head.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string str() const;

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace hsconas
