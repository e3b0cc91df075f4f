#include "hsconas/shrink/shrinkers.hpp"

#include <fmt/format.h>

#include "hsconas/space/subspace.hpp"

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

std::string describe_shrinking(const ShrinkConfig& config, const SearchSpace& space) {
  std::string text;
  double log10_size = Subspace::full(space).log10_size();
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    const double before = log10_size;
    const ShrinkForecast forecast = shrinkers().front().forecast(config, i, space, log10_size);
    log10_size = forecast.log10_size;
    text += fmt::format("shrink-{}: {} layers, {} evaluations, {} -> {} architectures\n", i + 1,
                        config.stages[i].layers, forecast.evaluations, format_power(before),
                        format_power(log10_size));
  }
  return text;
}

}  // namespace hsconas
