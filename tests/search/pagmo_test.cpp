// Compares our sorting by fronts with that of pagmo (Biscani and Izzo, 2020), where it is
// installed.
#include <cstddef>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/search/front.hpp"
#include "support/skip.hpp"

#ifdef HSCONAS_HAVE_PAGMO
#include <pagmo/utils/hypervolume.hpp>
#include <pagmo/utils/multi_objective.hpp>
#endif

using namespace hsconas;

#ifdef HSCONAS_HAVE_PAGMO

namespace {

/// `values`: how many different ones a coordinate has; 0: all are different.
std::vector<Objectives> points_for_pagmo(std::size_t count, std::size_t objectives,
                                         std::size_t values, Rng& rng) {
  std::vector<Objectives> points(count, Objectives(objectives));
  for (Objectives& point : points) {
    for (double& value : point) {
      value = values == 0 ? rng.uniform() : static_cast<double>(rng.index(values));
    }
  }
  return points;
}

}  // namespace

TEST_CASE("fronts, crowding and hypervolume are those of pagmo", "[search]") {
  Rng rng(1, "pagmo");
  for (const std::size_t objectives : {2U, 3U}) {
    for (const std::size_t count : {2U, 3U, 20U, 200U}) {
      CAPTURE(objectives, count);
      // Equal coordinates matter for the fronts only: they make crowding depend on the order in
      // which equal points are sorted.
      const auto equal = points_for_pagmo(count, objectives, 8, rng);
      const auto numbers = front_numbers(equal);
      const auto expected = std::get<3>(pagmo::fast_non_dominated_sorting(equal));
      for (std::size_t i = 0; i < count; ++i) {
        CHECK(static_cast<std::size_t>(numbers[i]) == expected[i]);
      }
      const auto points = points_for_pagmo(count, objectives, 0, rng);
      const auto fronts = std::get<0>(pagmo::fast_non_dominated_sorting(points));
      for (const auto& members : fronts) {
        if (members.size() < 2) continue;  // Pagmo refuses a single point.
        std::vector<Objectives> front;
        for (const std::size_t i : members) front.push_back(points[i]);
        const auto distances = crowding_distances(front);
        const auto theirs = pagmo::crowding_distance(front);
        for (std::size_t i = 0; i < front.size(); ++i) CHECK(distances[i] == Approx(theirs[i]));
      }
      if (objectives == 2) {
        const Objectives reference{1.0, 1.0};
        CHECK(hypervolume(points, reference) ==
              Approx(pagmo::hypervolume(points).compute(reference)));
      }
    }
  }
}

#else

TEST_CASE("fronts, crowding and hypervolume are those of pagmo", "[search]") {
  skip_test("no libpagmo-dev, with which to compare the sorting by fronts");
}

#endif
