#include <algorithm>
#include <cmath>
#include <set>

#include "hsconas/space/balls.hpp"

namespace hsconas {

// How many networks the balls hold together.

namespace {

constexpr double kMostCounted = 1e6;
constexpr int kDraws = 10000;

/// How many of the ways to choose at most `most` of the layers from `first` on, and for each of
/// them one of its other choices, change exactly 0, 1, ... layers: [number of changes].
/// `others`: for each layer the number of its choices but one.
std::vector<double> ways(const std::vector<double>& others, std::size_t first, int most) {
  std::vector<double> count(static_cast<std::size_t>(most) + 1, 0.0);
  count[0] = 1.0;
  for (std::size_t l = first; l < others.size(); ++l) {
    for (std::size_t changes = count.size() - 1; changes > 0; --changes) {
      count[changes] += others[l] * count[changes - 1];
    }
  }
  return count;
}

double sum(const std::vector<double>& values) {
  double total = 0.0;
  for (const double value : values) total += value;
  return total;
}

}  // namespace

double ball_size(const SearchSpace& space, const Subspace& within, int radius) {
  std::vector<double> others;
  for (std::size_t l = 0; l < within.ops.size(); ++l) {
    double choices = 0.0;
    for (const int op : within.ops[l]) {
      std::set<int> mids;
      for (const int width : within.widths[l]) {
        mids.insert(space.mid_channels(static_cast<int>(l), {op, width}));
      }
      choices += static_cast<double>(mids.size());
    }
    others.push_back(choices - 1.0);
  }
  return sum(ways(others, 0, radius));
}

double log10_different(const SearchSpace& space, const NetworkRegion& region) {
  const auto* subspace = dynamic_cast<const Subspace*>(&region);
  return subspace != nullptr ? log10_distinct(space, *subspace) : region.log10_size();
}

bool Balls::are_apart() const {
  for (std::size_t i = 0; i < seed_classes_.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (distance(seed_classes_[i], seed_classes_[j]) <= 2 * radius_) return false;
    }
  }
  return true;
}

double Balls::count_new(std::size_t ball, std::size_t layer, std::vector<int>& distances) const {
  if (layer == layers_.size()) {
    const bool is_new =
        std::all_of(distances.begin(), distances.end() - 1, [this](int d) { return d > radius_; });
    return is_new ? 1.0 : 0.0;
  }
  double count = 0.0;
  for (int c = 0; c < std::ssize(layers_[layer].widest); ++c) {
    if (distances[ball] == radius_ && c != seed_classes_[ball][layer]) continue;
    for (std::size_t i = 0; i <= ball; ++i) distances[i] += seed_classes_[i][layer] != c ? 1 : 0;
    count += count_new(ball, layer + 1, distances);
    for (std::size_t i = 0; i <= ball; ++i) distances[i] -= seed_classes_[i][layer] != c ? 1 : 0;
  }
  return count;
}

double Balls::count_all() const {
  double count = 0.0;
  for (std::size_t ball = 0; ball < seeds_.size(); ++ball) {
    std::vector<int> distances(ball + 1, 0);
    count += count_new(ball, 0, distances);
  }
  return count;
}

Balls::Size Balls::estimate(double all) const {
  std::vector<double> others;
  for (const Layer& layer : layers_) others.push_back(static_cast<double>(layer.widest.size()) - 1);
  std::vector<std::vector<double>> rest;  // [layer][changes]: ways from that layer on.
  for (std::size_t l = 0; l <= others.size(); ++l) rest.push_back(ways(others, l, radius_));
  Rng rng(0, "size of balls");
  int first = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::size_t ball = rng.index(seeds_.size());
    Classes member = seed_classes_[ball];
    auto left = static_cast<std::size_t>(radius_);
    for (std::size_t l = 0; l < member.size(); ++l) {
      // A layer keeps the seed's class in as many members as the later layers leave.
      double kept = 0.0;
      double changed = 0.0;
      for (std::size_t n = 0; n <= left; ++n) kept += rest[l + 1][n];
      for (std::size_t n = 0; n + 1 <= left; ++n) changed += others[l] * rest[l + 1][n];
      if (!rng.chance(changed / (kept + changed))) continue;
      const int other = static_cast<int>(rng.index(layers_[l].widest.size() - 1));
      member[l] = other < member[l] ? other : other + 1;
      --left;
    }
    const bool is_first = std::none_of(
        seed_classes_.begin(), seed_classes_.begin() + static_cast<std::ptrdiff_t>(ball),
        [&](const Classes& seed) { return distance(member, seed) <= radius_; });
    first += is_first ? 1 : 0;
  }
  const double share = static_cast<double>(std::max(first, 1)) / kDraws;
  // One draw more or less is the least that the estimate may be wrong by.
  return {.log10 = std::log10(all * share),
          .relative_error = std::max(1.0 / kDraws, std::sqrt((1.0 - share) / (share * kDraws)))};
}

Balls::Size Balls::size_of_union() const {
  std::vector<double> others;
  for (const Layer& layer : layers_) others.push_back(static_cast<double>(layer.widest.size()) - 1);
  const double all = static_cast<double>(seeds_.size()) * sum(ways(others, 0, radius_));
  if (all <= kMostCounted) return {.log10 = std::log10(count_all())};
  return are_apart() ? Size{.log10 = std::log10(all)} : estimate(all);
}

}  // namespace hsconas
