#include "hsconas/score/inside.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "catch.hpp"
#include "support/limits.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

bool is_inside(const Architecture& arch, const std::vector<NetworkLimit>& limits) {
  return std::all_of(limits.begin(), limits.end(),
                     [&](const NetworkLimit& limit) { return limit.excess(arch) == 0.0; });
}

/// Limits of random quantities whose bounds are about those of the network `tightness` of the way
/// between the best and the worst.
std::vector<NetworkLimit> random_limits(const SearchSpace& space, int sums, int peaks, Rng& rng) {
  std::vector<NetworkLimit> limits;
  const auto all = enumerate(Subspace::full(space));
  for (int i = 0; i < sums + peaks; ++i) {
    limits.push_back(random_limit(space, fmt::format("limit {}", i), rng));
    limits.back().adds_up = i < sums;
    std::vector<double> values;
    for (const Architecture& arch : all) values.push_back(limits.back().value(arch));
    std::sort(values.begin(), values.end());
    const double share = i < sums ? rng.uniform(0.0, 0.15) : rng.uniform(0.0, 0.5);
    limits.back().bound =
        values[static_cast<std::size_t>(share * static_cast<double>(values.size()))];
  }
  return limits;
}

}  // namespace

TEST_CASE("whether two limits can be met together is known exactly, as by trying all networks",
          "[score][limits]") {
  const SearchSpace space = tiny_space(4);
  const Subspace full = Subspace::full(space);
  const auto all = enumerate(full);
  Rng rng(1, "test");
  int feasible = 0;
  constexpr int kTrials = 150;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto limits = random_limits(space, 2, trial % 3, rng);
    const bool exists = std::any_of(
        all.begin(), all.end(), [&](const Architecture& arch) { return is_inside(arch, limits); });
    const Inside inside = find_inside(full, limits);
    CAPTURE(trial);
    CHECK(inside.is_certain);
    CHECK(inside.arch.has_value() == exists);
    if (inside.arch) CHECK(is_inside(*inside.arch, limits));
    feasible += exists ? 1 : 0;
  }
  CHECK(feasible > kTrials / 10);
  CHECK(feasible < kTrials * 9 / 10);
}

TEST_CASE("of many limits a found network is inside, and a certain refusal is right",
          "[score][limits]") {
  const SearchSpace space = tiny_space(4);
  const Subspace full = Subspace::full(space);
  const auto all = enumerate(full);
  Rng rng(2, "test");
  int missed = 0;
  constexpr int kTrials = 150;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto limits = random_limits(space, 3 + trial % 2, trial % 2, rng);
    const bool exists = std::any_of(
        all.begin(), all.end(), [&](const Architecture& arch) { return is_inside(arch, limits); });
    const Inside inside = find_inside(full, limits);
    if (inside.arch) CHECK(is_inside(*inside.arch, limits));
    if (!inside.arch && inside.is_certain) CHECK_FALSE(exists);
    missed += exists && !inside.arch ? 1 : 0;
  }
  CHECK(missed <= kTrials / 20);
}

TEST_CASE("a list of networks is searched by the same rules", "[score][limits]") {
  const SearchSpace space = tiny_space(3);
  std::vector<Architecture> listed;
  for (const Architecture& arch : enumerate(Subspace::full(space))) {
    if (space.canonical(arch) == arch && listed.size() < 40) listed.push_back(arch);
  }
  const ListedNetworks region(space, listed);
  Rng rng(3, "test");
  for (int trial = 0; trial < 60; ++trial) {
    const auto limits = random_limits(space, 1 + trial % 2, 0, rng);
    const bool exists = std::any_of(listed.begin(), listed.end(), [&](const Architecture& arch) {
      return is_inside(arch, limits);
    });
    const Inside inside = find_inside(region, limits);
    if (inside.arch) {
      CHECK(is_inside(*inside.arch, limits));
      CHECK(region.contains(*inside.arch));
    } else if (inside.is_certain) {
      CHECK_FALSE(exists);
    }
    if (limits.size() == 1) CHECK(inside.is_certain);
  }
}

TEST_CASE("the smallest bound that helps is the smallest value beside the other limits",
          "[score][limits]") {
  const SearchSpace space = tiny_space(4);
  const Subspace full = Subspace::full(space);
  const auto all = enumerate(full);
  Rng rng(4, "test");
  int compared = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const auto limits = random_limits(space, 2, trial % 2, rng);
    if (find_inside(full, limits).arch) continue;
    for (std::size_t k = 0; k < limits.size(); ++k) {
      auto others = limits;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
      double least = std::numeric_limits<double>::infinity();
      for (const Architecture& arch : all) {
        if (is_inside(arch, others)) least = std::min(least, limits[k].value(arch));
      }
      const auto relaxed = relaxed_bound(full, limits, k);
      CHECK(relaxed.has_value() == (least < 1e9));
      if (!relaxed) continue;
      CHECK(relaxed->is_certain);
      CHECK(relaxed->value == Approx(least).epsilon(1e-8));
      ++compared;
    }
  }
  CHECK(compared > 30);
}

TEST_CASE("two tight limits of a space of 9.5e33 networks are decided in a moment",
          "[score][limits]") {
  const SearchSpace space = shipped_space("hsconas-a");
  const Subspace full = Subspace::full(space);
  Rng rng(5, "test");
  std::vector<NetworkLimit> limits{random_limit(space, "a", rng), random_limit(space, "b", rng)};
  limits[1].bound = 4.0;
  limits[0].bound = 1e-3;
  const auto least = relaxed_bound(full, limits, 0);
  REQUIRE(least);
  CHECK(least->is_certain);
  limits[0].bound = least->value;
  CHECK(find_inside(full, limits).arch);
  limits[0].bound = least->value * (1.0 - 1e-6);
  const Inside none = find_inside(full, limits);
  CHECK_FALSE(none.arch);
  CHECK(none.is_certain);
}
