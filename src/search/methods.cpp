#include "hsconas/search/methods.hpp"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/methods.hpp"

// The table: X(name) is the method that name_search() in src/search/name.cpp describes.
#define HSCONAS_SEARCH_METHODS(X) \
  X(evolution)                    \
  X(regularized)                  \
  X(local)                        \
  X(predictor)                    \
  X(bayesian)                     \
  X(reinforce)                    \
  X(nsga2)                        \
  X(random)

namespace hsconas {

#define HSCONAS_DECLARE(name) SearchMethod name##_search();
HSCONAS_SEARCH_METHODS(HSCONAS_DECLARE)
#undef HSCONAS_DECLARE

std::span<const SearchMethod> search_methods() {
#define HSCONAS_ROW(name) name##_search(),
  static const SearchMethod methods[] = {HSCONAS_SEARCH_METHODS(HSCONAS_ROW)};
#undef HSCONAS_ROW
  return methods;
}

const SearchMethod& find_search_method(std::string_view name) {
  std::vector<std::string> names;
  for (const SearchMethod& method : search_methods()) {
    if (method.name == name) return method;
    names.emplace_back(method.name);
  }
  throw Error(ErrorKind::Usage,
              fmt::format("search.method must be one of {}, got \"{}\"", join(names, ", "), name));
}

int population_evaluations(const SearchConfig& config) {
  return config.population * (config.generations + 1);
}

std::vector<MethodWord> search_method_words() {
  std::vector<MethodWord> words;
  for (const SearchMethod& method : search_methods()) {
    words.push_back({std::string(method.name), std::string(method.meaning)});
  }
  return words;
}

}  // namespace hsconas
