#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// Whether a cell fits into a column of numbers: it begins like a number, is empty, or is "-" for a
/// missing number.
bool looks_like_number(const std::string& cell);

/// A table for a terminal: columns of numbers (with or without a unit) are right-aligned, columns
/// of words left-aligned, with two spaces between columns and a rule under the head.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) : head_(std::move(head)) {}

  /// Adds a row, which must have as many cells as the head.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string str() const;

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace hsconas
