#include "hsconas/search/methods.hpp"

#include <vector>

#include "hsconas/config/method_table.hpp"

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
  return find_method(search_methods(), "search.method", name);
}

int population_evaluations(const SearchConfig& config) {
  return config.population * (config.generations + 1);
}

std::vector<MethodWord> search_method_words() {
  return words_of(search_methods());
}

}  // namespace hsconas
