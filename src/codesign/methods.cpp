#include "hsconas/codesign/methods.hpp"

#include <vector>

#include "hsconas/config/method_table.hpp"

// The table: X(name) is the method that name_codesign() in src/codesign/name.cpp describes.
#define HSCONAS_CODESIGN_METHODS(X) \
  X(coupled)                        \
  X(decoupled)                      \
  X(semi_decoupled)                 \
  X(dance)                          \
  X(two_level)                      \
  X(multi_phase)                    \
  X(bayesian)                       \
  X(compress)                       \
  X(random)

namespace hsconas {

#define HSCONAS_DECLARE(name) CodesignMethod name##_codesign();
HSCONAS_CODESIGN_METHODS(HSCONAS_DECLARE)
#undef HSCONAS_DECLARE

std::span<const CodesignMethod> codesign_methods() {
#define HSCONAS_ROW(name) name##_codesign(),
  static const CodesignMethod methods[] = {HSCONAS_CODESIGN_METHODS(HSCONAS_ROW)};
#undef HSCONAS_ROW
  return methods;
}

const CodesignMethod& find_codesign_method(std::string_view name) {
  return find_method(codesign_methods(), "codesign.method", name);
}

std::vector<MethodWord> codesign_method_words() {
  std::vector<MethodWord> words = words_of(codesign_methods());
  for (std::size_t i = 0; i < words.size(); ++i) words[i].keys = codesign_methods()[i].keys;
  return words;
}

}  // namespace hsconas
