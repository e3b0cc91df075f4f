#include "hsconas/shrink/shrinkers.hpp"

// The table: X(name) is the shrinker that name_shrinker() in src/shrink/name.cpp describes.
#define HSCONAS_SHRINKERS(X) X(progressive)

namespace hsconas {

#define HSCONAS_DECLARE(name) Shrinker name##_shrinker();
HSCONAS_SHRINKERS(HSCONAS_DECLARE)
#undef HSCONAS_DECLARE

std::span<const Shrinker> shrinkers() {
#define HSCONAS_ROW(name) name##_shrinker(),
  static const Shrinker table[] = {HSCONAS_SHRINKERS(HSCONAS_ROW)};
#undef HSCONAS_ROW
  return table;
}

}  // namespace hsconas
