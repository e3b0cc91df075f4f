#include "hsconas/codesign/methods.hpp"

#include <vector>

#include "hsconas/config/method_table.hpp"

// The table: X(name) is the method that name_codesign() in src/codesign/name.cpp describes.
#define HSCONAS_CODESIGN_METHODS(X) \
  X(coupled)                        \
  X(decoupled)                      \
  X(semi_decoupled)                 \
  X(dance)                          \
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
  return words_of(codesign_methods());
}

}  // namespace hsconas
