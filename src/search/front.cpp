#include "hsconas/search/front.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace hsconas {

bool dominates(const Objectives& a, const Objectives& b) {
  bool is_better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    is_better = is_better || a[i] < b[i];
  }
  return is_better;
}

std::vector<std::size_t> non_dominated(std::span<const Objectives> points) {
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool is_dominated = std::any_of(points.begin(), points.end(), [&](const auto& other) {
      return dominates(other, points[i]);
    });
    if (!is_dominated) front.push_back(i);
  }
  return front;
}

std::vector<int> front_numbers(std::span<const Objectives> points) {
  std::vector<int> numbers(points.size(), 0);
  std::vector<std::vector<std::size_t>> dominated(points.size());
  std::vector<int> dominators(points.size(), 0);
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = 0; j < points.size(); ++j) {
      if (!dominates(points[i], points[j])) continue;
      dominated[i].push_back(j);
      ++dominators[j];
    }
  }
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (dominators[i] == 0) open.push_back(i);
  }
  // Points are appended front by front while the list is walked through.
  for (std::size_t at = 0; at < open.size(); ++at) {
    const std::size_t point = open[at];
    for (const std::size_t other : dominated[point]) {
      if (--dominators[other] > 0) continue;
      numbers[other] = numbers[point] + 1;
      open.push_back(other);
    }
  }
  return numbers;
}

std::vector<double> crowding_distances(std::span<const Objectives> points) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  std::vector<double> distances(points.size(), 0.0);
  if (points.empty()) return distances;
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t objective = 0; objective < points[0].size(); ++objective) {
    const auto value = [&](std::size_t i) { return points[i][objective]; };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return value(a) < value(b); });
    distances[order.front()] = kInfinite;
    distances[order.back()] = kInfinite;
    const double range = value(order.back()) - value(order.front());
    if (range <= 0.0) continue;
    for (std::size_t i = 1; i + 1 < order.size(); ++i) {
      distances[order[i]] += (value(order[i + 1]) - value(order[i - 1])) / range;
    }
  }
  return distances;
}

double hypervolume(std::span<const Objectives> points, const Objectives& reference) {
  std::vector<Objectives> sorted;
  for (const Objectives& point : points) {
    if (point[0] < reference[0] && point[1] < reference[1]) sorted.push_back(point);
  }
  std::sort(sorted.begin(), sorted.end());
  double area = 0.0;
  double height = reference[1];
  for (const Objectives& point : sorted) {
    if (point[1] >= height) continue;
    area += (reference[0] - point[0]) * (height - point[1]);
    height = point[1];
  }
  return area;
}

}  // namespace hsconas
