#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// The name of a method in the config, and what the method does.
struct MethodWord {
  std::string word;
  std::string meaning;
  /// Keys that have an effect with this method and not with every method; those of the co-design
  /// methods only.
  std::vector<std::string> keys{};
};

/// The values of supernet.paths, search.method, shrink.method and codesign.method. The rooms
/// `paths`, `search`, `shrink` and `codesign` hold the tables of methods and define these
/// functions; `config` lies below them in the include order, so it can only declare what it needs
/// from the tables.
std::vector<MethodWord> path_method_words();
std::vector<MethodWord> search_method_words();
std::vector<MethodWord> shrink_method_words();
std::vector<MethodWord> codesign_method_words();

}  // namespace hsconas
