#include "hsconas/paths/path_methods.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "hsconas/config/method_table.hpp"

// The table: X(name) is the method that name_paths() in src/paths/name.cpp describes.
#define HSCONAS_PATH_METHODS(X) \
  X(uniform)                    \
  X(fair)                       \
  X(sandwich)                   \
  X(operators_first)

namespace hsconas {

#define HSCONAS_DECLARE(name) PathMethod name##_paths();
HSCONAS_PATH_METHODS(HSCONAS_DECLARE)
#undef HSCONAS_DECLARE

std::span<const PathMethod> path_methods() {
#define HSCONAS_ROW(name) name##_paths(),
  static const PathMethod methods[] = {HSCONAS_PATH_METHODS(HSCONAS_ROW)};
#undef HSCONAS_ROW
  return methods;
}

const PathMethod& find_path_method(std::string_view name) {
  return find_method(path_methods(), "supernet.paths", name);
}

std::vector<MethodWord> path_method_words() {
  return words_of(path_methods());
}

std::int64_t parameters_of_step(const SearchSpace& space, std::span<const TrainedPath> paths) {
  // A narrower width uses a part of the weights that a wider one uses.
  std::map<std::pair<std::size_t, int>, std::int64_t> most;  // By layer and operator.
  for (const TrainedPath& path : paths) {
    for (std::size_t layer = 0; layer < path.arch.size(); ++layer) {
      const LayerChoice choice = path.arch[layer];
      std::int64_t& known = most[{layer, choice.op}];
      known = std::max(known, cost_of(space.block(static_cast<int>(layer), choice)).parameters());
    }
  }
  std::int64_t count = cost_of(space.stem()).parameters() + cost_of(space.head()).parameters();
  for (const auto& [block, parameters] : most) count += parameters;
  return count;
}

}  // namespace hsconas
