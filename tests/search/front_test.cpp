#include "hsconas/search/front.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"

using namespace hsconas;

namespace {

std::vector<Objectives> drawn_points(int count, std::size_t objectives, Rng& rng) {
  std::vector<Objectives> points;
  for (int i = 0; i < count; ++i) {
    Objectives point(objectives);
    // Few values, so that points and coordinates are equal now and then.
    for (double& value : point) value = static_cast<double>(rng.index(12));
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace

TEST_CASE("a point dominates another that is nowhere better and somewhere worse", "[search]") {
  CHECK(dominates({1.0, 2.0}, {1.0, 3.0}));
  CHECK_FALSE(dominates({1.0, 2.0}, {1.0, 2.0}));
  CHECK_FALSE(dominates({1.0, 4.0}, {2.0, 3.0}));
  CHECK_FALSE(dominates({2.0, 3.0}, {1.0, 3.0}));
}

TEST_CASE("fronts are what is left after the fronts before are taken away", "[search]") {
  Rng rng(1, "test");
  for (const std::size_t objectives : {1U, 2U, 3U}) {
    const auto points = drawn_points(150, objectives, rng);
    const auto numbers = front_numbers(points);
    std::vector<std::size_t> left(points.size());
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
    for (int front = 0; !left.empty(); ++front) {
      std::vector<Objectives> rest;
      for (const std::size_t i : left) rest.push_back(points[i]);
      std::vector<std::size_t> next = left;
      for (const std::size_t at : non_dominated(rest)) {
        CHECK(numbers[left[at]] == front);
        std::erase(next, left[at]);
      }
      REQUIRE(next.size() < left.size());
      left = next;
    }
  }
}

TEST_CASE("crowding is infinite at the ends and the relative room between the neighbours inside",
          "[search]") {
  const std::vector<Objectives> points{{0.0, 10.0}, {4.0, 2.0}, {1.0, 5.0}, {10.0, 0.0}};
  const auto distances = crowding_distances(points);
  CHECK(std::isinf(distances[0]));
  CHECK(std::isinf(distances[3]));
  CHECK(distances[1] == Approx(0.9 + 0.5));
  CHECK(distances[2] == Approx(0.4 + 0.8));
  CHECK(crowding_distances(std::vector<Objectives>{}).empty());
  CHECK(std::isinf(crowding_distances(std::vector<Objectives>{{1.0, 1.0}})[0]));
}

TEST_CASE("hypervolume is the area that the points dominate", "[search]") {
  CHECK(hypervolume(std::vector<Objectives>{}, {1.0, 1.0}) == 0.0);
  CHECK(hypervolume(std::vector<Objectives>{{0.25, 0.5}}, {1.0, 1.0}) == Approx(0.375));
  CHECK(hypervolume(std::vector<Objectives>{{2.0, 0.0}, {0.0, 1.0}}, {1.0, 1.0}) == 0.0);
  Rng rng(1, "test");
  const auto points = drawn_points(40, 2, rng);
  const Objectives reference{9.0, 10.0};
  // Unit squares, because all coordinates are whole numbers.
  double squares = 0.0;
  for (int x = 0; x < 9; ++x) {
    for (int y = 0; y < 10; ++y) {
      squares += std::any_of(points.begin(), points.end(), [&](const Objectives& point) {
        return point[0] <= x && point[1] <= y;
      });
    }
  }
  CHECK(hypervolume(points, reference) == squares);
}
