#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "hsconas/search/strategy.hpp"

namespace hsconas {

/// A row of the table of search methods.
struct SearchMethod {
  std::string_view name;     ///< The word for search.method.
  std::string_view meaning;  ///< What it does, in a line of help.
  std::unique_ptr<SearchStrategy> (*make)(const StrategyContext& context);
  /// Individuals that a search scores, unless the region runs out.
  int (*evaluations)(const SearchConfig& config);
  /// Whether it looks for a front of several objectives: latency is then one of them, and T is an
  /// upper bound instead of the middle of a band.
  bool finds_front = false;
};

/// All of them, in the order in which help lists them. To add one, write src/search/<name>.cpp and
/// add a line to the list in src/search/methods.cpp.
std::span<const SearchMethod> search_methods();

/// Throws Error(Usage) that lists the known names.
const SearchMethod& find_search_method(std::string_view name);

/// population x (generations + 1): what a method uses that has no other budget.
int population_evaluations(const SearchConfig& config);

}  // namespace hsconas
