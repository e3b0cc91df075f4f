#include "hsconas/latency/network_draw.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace hsconas {

namespace {

constexpr int kChangesPerLayer = 60;   // Limit of walk_to_latency().
constexpr int kAttempts = 20;          // Walks towards one goal.
constexpr double kNearEnough = 0.005;  // Tolerance of walk_to_latency().

/// Up to `count` different networks, uniformly random; fewer only where the space runs out.
std::vector<Architecture> random_networks(const SearchSpace& space, std::size_t count,
                                          std::set<Architecture>& taken, Rng& rng) {
  const Subspace full = Subspace::full(space);
  std::vector<Architecture> networks;
  const std::size_t tries = 1000 + 100 * count;
  for (std::size_t i = 0; i < tries && networks.size() < count; ++i) {
    Architecture arch = space.canonical(sample(full, rng));
    if (taken.insert(arch).second) networks.push_back(std::move(arch));
  }
  return networks;
}

/// Appends `for_first` / `wanted` of `drawn` to `first` and the rest to `second`.
void share(const std::vector<Architecture>& drawn, std::size_t for_first, std::size_t wanted,
           std::vector<Architecture>& first, std::vector<Architecture>& second) {
  const std::size_t cut = wanted == 0 ? 0 : (drawn.size() * for_first + wanted - 1) / wanted;
  first.insert(first.end(), drawn.begin(), drawn.begin() + static_cast<std::ptrdiff_t>(cut));
  second.insert(second.end(), drawn.begin() + static_cast<std::ptrdiff_t>(cut), drawn.end());
}

}  // namespace

NetworkDraw draw_networks(const SearchSpace& space, const LatencyModel& model,
                          const LatencyConfig& config, std::uint64_t seed, Log& log) {
  const auto for_bias = static_cast<std::size_t>(config.bias_networks);
  const auto for_test = static_cast<std::size_t>(config.test_networks);
  const std::size_t random = (for_bias + 1) / 2 + for_test;
  const std::size_t spread = for_bias / 2 + for_test;
  Rng rng(seed, "latency-networks");
  std::set<Architecture> taken;
  auto random_archs = random_networks(space, random, taken, rng);
  auto spread_archs = spread_architectures(space, model, spread, taken, rng);
  if (random_archs.size() + spread_archs.size() < random + spread) {
    log.warn(fmt::format(
        "space {} gave {} different networks to fit and judge the latency model "
        "on, not {}",
        space.description().name, random_archs.size() + spread_archs.size(), random + spread));
  }
  // They come ordered from the fastest to the slowest, but each list must cover the whole range.
  rng.shuffle(std::span(spread_archs));
  NetworkDraw networks;
  share(random_archs, (for_bias + 1) / 2, random, networks.calibration, networks.test);
  share(spread_archs, for_bias / 2, spread, networks.calibration, networks.test_spread);
  return networks;
}

std::vector<Architecture> spread_architectures(const SearchSpace& space, const LatencyModel& model,
                                               std::size_t count, std::set<Architecture>& taken,
                                               Rng& rng) {
  const Subspace full = Subspace::full(space);
  const LatencyRange range = latency_range(model, full);
  std::vector<Architecture> result;
  for (std::size_t i = 0; i < count; ++i) {
    const double place = (static_cast<double>(i) + rng.uniform()) / static_cast<double>(count);
    const double goal_ms = std::lerp(range.fastest_ms, range.slowest_ms, place);
    for (int attempt = 0; attempt < kAttempts; ++attempt) {  // Walks may end where others have.
      Architecture arch = space.canonical(walk_to_latency(sample(full, rng), model, full, goal_ms,
                                                          kNearEnough, kChangesPerLayer, rng));
      if (!taken.insert(arch).second) continue;
      result.push_back(std::move(arch));
      break;
    }
  }
  return result;
}

}  // namespace hsconas
