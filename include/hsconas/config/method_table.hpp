#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/methods.hpp"

namespace hsconas {

// For tables of methods, whose rows have the members `name` and `meaning`.

/// The row called `name`. Throws Error(Usage) that names the config's `key` and lists the names if
/// there is none.
template <typename Row>
const Row& find_method(std::span<const Row> table, std::string_view key, std::string_view name) {
  std::vector<std::string> names;
  for (const Row& row : table) {
    if (row.name == name) return row;
    names.emplace_back(row.name);
  }
  throw Error(ErrorKind::Usage,
              fmt::format("{} must be one of {}, got \"{}\"", key, join(names, ", "), name));
}

/// The words of all rows, in order.
template <typename Row>
std::vector<MethodWord> words_of(std::span<const Row> table) {
  std::vector<MethodWord> words;
  for (const Row& row : table) {
    words.push_back({std::string(row.name), std::string(row.meaning)});
  }
  return words;
}

}  // namespace hsconas
