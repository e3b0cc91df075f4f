#include "hsconas/report/table.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace hsconas {

bool looks_like_number(const std::string& cell) {
  return cell.empty() || cell.find_first_of("0123456789") <= 1 || cell == "-";
}

std::string TextTable::str() const {
  std::vector<std::size_t> widths;
  std::vector<bool> numeric(head_.size(), true);
  for (const std::string& cell : head_) widths.push_back(cell.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
      numeric[i] = numeric[i] && looks_like_number(row[i]);
    }
  }
  std::string text;
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i == 0 ? "" : "  ";
      line += numeric[i] ? fmt::format("{:>{}}", row[i], widths[i])
                         : fmt::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  print(head_);
  std::size_t total = 2 * (widths.size() - 1);
  for (const std::size_t width : widths) total += width;
  text += std::string(total, '-') + "\n";
  for (const auto& row : rows_) print(row);
  return text;
}

}  // namespace hsconas
