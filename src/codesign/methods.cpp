#include "hsconas/codesign/methods.hpp"

#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/methods.hpp"

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
  std::vector<std::string> names;
  for (const CodesignMethod& method : codesign_methods()) {
    if (method.name == name) return method;
    names.emplace_back(method.name);
  }
  throw Error(ErrorKind::Usage, fmt::format("codesign.method must be one of {}, got \"{}\"",
                                            join(names, ", "), name));
}

std::vector<MethodWord> codesign_method_words() {
  std::vector<MethodWord> words;
  for (const CodesignMethod& method : codesign_methods()) {
    words.push_back({std::string(method.name), std::string(method.meaning)});
  }
  return words;
}

}  // namespace hsconas
