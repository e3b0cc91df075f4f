#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hsconas/config/config.hpp"

namespace hsconas {

struct BestPairs;
struct CodesignContext;

/// How much there is to choose from.
struct CodesignSize {
  std::size_t networks = 0;  ///< Networks with known accuracies; 0: the whole space, by search.
  std::size_t designs = 0;
};

/// A row of the table of co-design methods.
struct CodesignMethod {
  std::string_view name;     ///< The word for codesign.method.
  std::string_view meaning;  ///< What it does, in a line of help.
  bool has_proxy = false;    ///< Works on codesign.proxy first.
  /// Whether it compresses the trained networks of codesign.start, see run_compression().
  bool has_start = false;
  /// Null for a method that has no networks to search but trains some, which the pipeline does.
  BestPairs (*run)(CodesignContext& context) = nullptr;
  /// Lines for --dry-run: how many pairs it will cost.
  std::string (*plan)(const CodesignConfig& config, const SearchConfig& search,
                      const CodesignSize& size);
  /// Paths of the config keys that it uses and some methods do not: "codesign.fast_tries",
  /// "search.controller". Beside other methods, their values are refused.
  std::vector<std::string> keys{};
};

/// All of them, in the order in which help lists them. To add one, write src/codesign/<name>.cpp
/// and add a line to the list in src/codesign/methods.cpp.
std::span<const CodesignMethod> codesign_methods();

/// Throws Error(Usage) that lists the known names.
const CodesignMethod& find_codesign_method(std::string_view name);

}  // namespace hsconas
