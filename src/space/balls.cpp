#include "hsconas/space/balls.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace hsconas {

Balls::Balls(const SearchSpace& space, Subspace within, std::span<const Architecture> seeds,
             int radius)
    : within_(std::move(within)), radius_(radius) {
  assert(!seeds.empty() && radius >= 1);
  for (std::size_t l = 0; l < within_.ops.size(); ++l) {
    Layer layer;
    layer.class_of.assign(static_cast<std::size_t>(space.ops()),
                          std::vector<int>(static_cast<std::size_t>(space.widths()), -1));
    for (const int op : within_.ops[l]) {
      std::map<int, int> class_of_mid;
      for (const int width : within_.widths[l]) {  // Ascending, so the last of a class is widest.
        const LayerChoice choice{op, width};
        const auto [it, is_new] = class_of_mid.emplace(
            space.mid_channels(static_cast<int>(l), choice), static_cast<int>(layer.widest.size()));
        if (is_new) layer.widest.emplace_back();
        layer.widest[static_cast<std::size_t>(it->second)] = choice;
        layer.class_of[static_cast<std::size_t>(op)][static_cast<std::size_t>(width)] = it->second;
        layer.choices.push_back(choice);
      }
    }
    if (layer.widest.size() > 1) changeable_.push_back(l);
    layers_.push_back(std::move(layer));
  }
  std::set<Classes> known;
  for (const Architecture& seed : seeds) {
    const Classes classes = classes_of(genes_of(seed));
    assert(!classes.empty());
    if (!known.insert(classes).second) continue;
    Architecture widest;
    for (std::size_t l = 0; l < classes.size(); ++l) {
      widest.push_back(layers_[l].widest[static_cast<std::size_t>(classes[l])]);
    }
    seeds_.push_back(std::move(widest));
    seed_classes_.push_back(classes);
  }
  size_ = size_of_union();
}

Balls::Classes Balls::classes_of(const Genes& genes) const {
  if (!within_.contains(genes)) return {};
  Classes classes(layers_.size());
  for (std::size_t l = 0; l < classes.size(); ++l) {
    classes[l] = class_at(l, {genes[2 * l], genes[2 * l + 1]});
  }
  return classes;
}

int Balls::distance(const Classes& a, const Classes& b) {
  return static_cast<int>(std::inner_product(a.begin(), a.end(), b.begin(), std::ptrdiff_t{0},
                                             std::plus<>(),
                                             [](int x, int y) { return std::ptrdiff_t{x != y}; }));
}

std::size_t Balls::nearest(const Classes& classes) const {
  std::size_t best = 0;
  int best_distance = std::numeric_limits<int>::max();
  for (std::size_t i = 0; i < seed_classes_.size() && best_distance > 0; ++i) {
    const int d = distance(classes, seed_classes_[i]);
    if (d < best_distance) {
      best = i;
      best_distance = d;
    }
  }
  return best;
}

bool Balls::contains(const Genes& genes) const {
  const Classes classes = classes_of(genes);
  return !classes.empty() &&
         std::any_of(seed_classes_.begin(), seed_classes_.end(),
                     [&](const Classes& seed) { return distance(classes, seed) <= radius_; });
}

Genes Balls::sample(Rng& rng) const {
  const std::size_t seed = rng.index(seeds_.size());
  Genes genes = genes_of(seeds_[seed]);
  std::vector<std::size_t> order = changeable_;
  rng.shuffle(std::span(order));
  const std::size_t most = std::min(order.size(), static_cast<std::size_t>(radius_));
  order.resize(rng.index(most + 1));
  for (const std::size_t l : order) {
    LayerChoice choice;
    do {
      choice = layers_[l].choices[rng.index(layers_[l].choices.size())];
    } while (class_at(l, choice) == seed_classes_[seed][l]);
    genes[2 * l] = choice.op;
    genes[2 * l + 1] = choice.width;
  }
  return genes;
}

Genes Balls::brought_back(Genes genes, int kept, Rng& rng) const {
  const Classes classes = classes_of(genes);
  const std::size_t seed = nearest(classes);
  std::vector<std::size_t> changed;
  for (std::size_t l = 0; l < classes.size(); ++l) {
    if (classes[l] != seed_classes_[seed][l]) changed.push_back(l);
  }
  const std::ptrdiff_t excess = std::ssize(changed) - radius_;
  if (excess <= 0) return genes;
  std::erase_if(changed, [kept](std::size_t l) { return static_cast<int>(l) == kept; });
  rng.shuffle(std::span(changed));
  changed.resize(static_cast<std::size_t>(excess));
  for (const std::size_t l : changed) {
    genes[2 * l] = seeds_[seed][l].op;
    genes[2 * l + 1] = seeds_[seed][l].width;
  }
  return genes;
}

Genes Balls::mutate(const Genes& genes, double probability, Rng& rng) const {
  return brought_back(within_.mutate(genes, probability, rng), -1, rng);
}

Genes Balls::cross(const Genes& a, const Genes& b, Rng& rng) const {
  return brought_back(Region::cross(a, b, rng), -1, rng);
}

Genes Balls::step(const Genes& genes, Rng& rng) const {
  Genes changed = within_.step(genes, rng);
  const auto axis = std::mismatch(changed.begin(), changed.end(), genes.begin()).first;
  if (axis == changed.end()) return changed;
  const auto layer = static_cast<int>((axis - changed.begin()) / 2);
  return brought_back(std::move(changed), layer, rng);
}

Balls::Costs Balls::costs_of(const std::function<double(const Architecture&)>& cost) const {
  const Architecture& reference = seeds_.front();
  const double reference_cost = cost(reference);
  Costs costs;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    auto& of_layer = costs.emplace_back();
    Architecture changed = reference;
    for (const LayerChoice& choice : layers_[l].widest) {
      changed[l] = choice;
      of_layer.push_back(cost(changed) - reference_cost);
    }
  }
  return costs;
}

std::pair<double, Architecture> Balls::least_of_ball(std::size_t seed, const Costs& costs) const {
  Architecture arch = seeds_[seed];
  double total = 0.0;
  std::vector<std::pair<double, std::size_t>> gains;  // What the best choice of a layer adds.
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const double now = costs[l][static_cast<std::size_t>(seed_classes_[seed][l])];
    const double least = *std::min_element(costs[l].begin(), costs[l].end());
    total += now;
    if (least < now) gains.emplace_back(least - now, l);
  }
  std::sort(gains.begin(), gains.end());
  gains.resize(std::min(gains.size(), static_cast<std::size_t>(radius_)));
  for (const auto& [gain, l] : gains) {
    const auto least = std::min_element(costs[l].begin(), costs[l].end()) - costs[l].begin();
    arch[l] = layers_[l].widest[static_cast<std::size_t>(least)];
    total += gain;
  }
  return {total, std::move(arch)};
}

Architecture Balls::least(const Costs& costs) const {
  auto best = least_of_ball(0, costs);
  for (std::size_t seed = 1; seed < seeds_.size(); ++seed) {
    auto other = least_of_ball(seed, costs);
    if (other.first < best.first) best = std::move(other);
  }
  return std::move(best.second);
}

NetworkRegion::Extremes Balls::extremes(
    const std::function<double(const Architecture&)>& cost) const {
  const Costs costs = costs_of(cost);
  Costs negative = costs;
  for (auto& of_layer : negative) {
    for (double& value : of_layer) value = -value;
  }
  return {.least = least(costs), .greatest = least(negative)};
}

double mean_distance(const SearchSpace& space, std::span<const Architecture> networks) {
  std::vector<Architecture> canonical;
  for (const Architecture& arch : networks) canonical.push_back(space.canonical(arch));
  double sum = 0.0;
  double pairs = 0.0;
  for (std::size_t i = 0; i < canonical.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      for (std::size_t l = 0; l < canonical[i].size(); ++l) {
        sum += canonical[i][l] != canonical[j][l] ? 1.0 : 0.0;
      }
      pairs += 1.0;
    }
  }
  return pairs > 0.0 ? sum / pairs : 0.0;
}

}  // namespace hsconas
