#pragma once

#include <string>
#include <vector>

namespace hsconas {

/// A word that a config key for a method takes, and what the method does.
struct MethodWord {
  std::string word;
  std::string meaning;
};

/// The methods of search.method and of codesign.method. The tables belong to the rooms `search` and
/// `codesign`, which define these two functions: `config` lies below them and only lists the words.
std::vector<MethodWord> search_method_words();
std::vector<MethodWord> codesign_method_words();

}  // namespace hsconas
