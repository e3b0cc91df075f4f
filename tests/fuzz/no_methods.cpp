// The rooms that search are not fuzzed: in their place these tables of methods are empty, so that a
// config may name any method.
#include "hsconas/config/methods.hpp"

namespace hsconas {

std::vector<MethodWord> search_method_words() {
  return {};
}

std::vector<MethodWord> codesign_method_words() {
  return {};
}

}  // namespace hsconas
