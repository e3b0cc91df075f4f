#include "hsconas/shrink/shrinkers.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "hsconas/config/method_table.hpp"
#include "hsconas/space/subspace.hpp"

// The table: X(name) is the shrinker that name_shrinker() in src/shrink/name.cpp describes.
#define HSCONAS_SHRINKERS(X) \
  X(progressive)             \
  X(locality)

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

const Shrinker& find_shrinker(std::string_view name) {
  return find_method(shrinkers(), "shrink.method", name);
}

std::vector<MethodWord> shrink_method_words() {
  return words_of(shrinkers());
}

std::vector<Candidate> best_members(const NetworkRegion& region,
                                    std::span<const ScoredNetwork> scored) {
  constexpr std::size_t kBest = 20;
  std::vector<Candidate> members;
  std::set<Architecture> known;
  for (const ScoredNetwork& network : scored) {
    if (region.contains(network.arch) && known.insert(network.candidate.arch).second) {
      members.push_back(network.candidate);
    }
  }
  std::stable_sort(members.begin(), members.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  members.resize(std::min(members.size(), kBest));
  return members;
}

std::string shrink_stage_name(std::size_t index) {
  return fmt::format("shrink-{}", index + 1);
}

std::string describe_shrinking(const ShrinkConfig& config, const SearchSpace& space) {
  std::string text;
  double log10_size = Subspace::full(space).log10_size();
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    const double before = log10_size;
    const ShrinkForecast forecast =
        find_shrinker(config.method).forecast(config, i, space, log10_size);
    log10_size = forecast.log10_size;
    text += fmt::format("{}: {}, {} evaluations, {} -> {} architectures\n", shrink_stage_name(i),
                        forecast.what, forecast.evaluations, format_power(before),
                        format_power(log10_size));
  }
  return text;
}

}  // namespace hsconas
