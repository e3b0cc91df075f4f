#include "maestro_level.hpp"

#include <algorithm>
#include <utility>

#include "ceil_div.hpp"

namespace hsconas::maestro {

Level::Level(std::vector<Map> maps, std::int64_t clusters, const Sizes& nominal,
             const Sizes& actual, bool is_depthwise)
    : maps_(std::move(maps)), clusters_(clusters), active_(clusters), depthwise_(is_depthwise) {
  for (const Map& map : maps_) {
    volumes_[map.loop] = volumes_of(map, nominal[map.loop]);
    states_.push_back(map.is_spatial ? spatial_states(map, actual[map.loop], clusters)
                                     : temporal_states(map, actual[map.loop]));
    if (map.is_spatial) count_active(map, nominal[map.loop]);
  }
  for (const Map& map : maps_) {
    if (map.loop != Y && map.loop != X) continue;
    const Volumes& in = volumes_[map.loop];
    const Volumes& window = volumes_[map.loop == Y ? R : S];
    Volumes& out = outputs_[map.loop];
    out.mapped = in.mapped - window.mapped + 1;
    out.fresh = std::min(map.offset, map.size);
    out.edge_mapped = in.edge_mapped - window.edge_mapped + 1;
    out.edge_fresh = std::min(map.offset, out.edge_mapped);
  }
  at_.resize(maps_.size());
}

template <typename Volume>
std::int64_t Level::spread(Operand operand, Volume volume) const {
  const State* state = spatial_state(operand);
  if (state == nullptr) return volume(true, false);
  if (!state->is_edge) return volume(true, false) + (clusters_ - 1) * volume(false, false);
  std::int64_t total = volume(true, active_ == 1 && state->has_short);
  if (active_ > 1) {
    const std::int64_t cut = state->has_short ? 1 : 0;
    total += std::max<std::int64_t>(active_ - cut - 1, 0) * volume(false, false) +
             cut * volume(false, true);
  }
  return total;
}

std::int64_t Level::ingress(Operand operand) const {
  return spread(operand,
                [&](bool leads, bool is_short) { return sent_to(operand, leads, is_short); });
}

std::int64_t Level::egress() const {
  return spread(Operand::Output,
                [&](bool leads, bool is_short) { return results(false, leads, is_short); });
}

std::int64_t Level::work() const {
  const State* spatial = spatial_state(Operand::Output);
  const bool is_short =
      spatial != nullptr && spatial->is_edge && active_ == 1 && spatial->has_short;
  return results(true, true, is_short);
}

Sizes Level::below(bool is_short) const {
  Sizes sizes{};
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    const Volumes& v = volumes_[maps_[i].loop];
    bool is_edge = at_[i].is_edge;
    if (maps_[i].is_spatial) is_edge = is_edge && (active_ == 1 || is_short);
    sizes[maps_[i].loop] = is_edge ? v.edge_mapped : v.mapped;
  }
  return sizes;
}

bool Level::has_short_cluster() const {
  const State& state = at_[first_spatial()];
  return state.is_edge && state.has_short;
}

bool Level::couples(Operand operand, Loop loop) const {
  switch (operand) {
    case Operand::Input:
      return loop == C || loop == Y || loop == X;
    case Operand::Weight:
      return loop == C || loop == R || loop == S || (loop == K && !depthwise_);
    case Operand::Output:
      return loop == Y || loop == X || loop == (depthwise_ ? C : K);
  }
  return false;
}

void Level::count_active(const Map& map, std::int64_t extent) {
  std::int64_t chunks = 1;
  if (extent >= map.size) chunks = ceil_div(extent - map.size, map.offset) + 1;
  if (chunks % clusters_ != 0) active_ = chunks % clusters_;
}

std::size_t Level::first_spatial() const {
  std::size_t i = 0;
  while (!maps_[i].is_spatial) ++i;
  return i;
}

std::optional<std::size_t> Level::moving() const {
  for (std::size_t i = maps_.size(); i-- > 0;) {
    if (at_[i].position != State::First) return i;
  }
  return std::nullopt;
}

const State* Level::spatial_state(Operand operand) const {
  const State* found = nullptr;
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    if (maps_[i].is_spatial && couples(operand, maps_[i].loop)) found = &at_[i];
  }
  return found;
}

std::int64_t Level::mapped_by(Operand operand, bool leads, bool is_short) const {
  std::int64_t product = 1;
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    if (!couples(operand, maps_[i].loop)) continue;
    const Volumes& v = volumes_[maps_[i].loop];
    if (!maps_[i].is_spatial || !at_[i].is_edge) {
      product *= at_[i].is_edge ? v.edge_mapped : v.mapped;
    } else if (active_ == 1) {
      product *= leads || is_short ? v.edge_mapped : 1;
    } else {
      product *= is_short ? v.edge_mapped : v.mapped;
    }
  }
  return product;
}

std::int64_t Level::sent_to(Operand operand, bool leads, bool is_short) const {
  const auto change = moving();
  if (!change) return mapped_by(operand, leads, is_short);
  if (!couples(operand, maps_[*change].loop)) return 0;  // The cluster keeps it.
  bool starts_over = false;
  for (std::size_t i = *change + 1; i < maps_.size(); ++i) {
    starts_over |= couples(operand, maps_[i].loop) && !at_[i].is_whole;
  }
  std::int64_t product = 1;
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    if (!couples(operand, maps_[i].loop)) continue;
    const Volumes& v = volumes_[maps_[i].loop];
    const bool slides = i == *change && !starts_over;
    if (maps_[i].is_spatial) {
      const bool is_reset = at_[i].position == State::First && i > *change;
      const bool shares = !leads && (is_reset || slides);
      product *= is_short ? (shares ? v.edge_fresh : v.edge_mapped) : (shares ? v.fresh : v.mapped);
    } else if (at_[i].position == State::First) {
      product *= at_[i].is_edge ? v.edge_mapped : v.mapped;
    } else {
      product *= slides ? std::max<std::int64_t>(v.fresh, 1) : v.mapped;
    }
  }
  return product;
}

std::int64_t Level::results(bool is_work, bool leads, bool is_short) const {
  std::int64_t product = 1;
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    const Loop loop = maps_[i].loop;
    const bool coupled = couples(Operand::Output, loop);
    if (!coupled && !is_work) continue;
    const Volumes& v = coupled && (loop == Y || loop == X) ? outputs_[loop] : volumes_[loop];
    if (maps_[i].is_spatial) {
      product *= spatial_results(at_[i], v, volumes_[loop], leads, is_short);
    } else {
      product *= at_[i].is_edge ? v.edge_mapped : v.mapped;
    }
  }
  return product;
}

std::int64_t Level::spatial_results(const State& state, const Volumes& v, const Volumes& in,
                                    bool leads, bool is_short) const {
  const std::int64_t usual = leads ? v.mapped : std::max<std::int64_t>(v.fresh, 1);
  if (state.position == State::First) {
    if (!state.is_edge || !is_short) return usual;
    return active_ == 1 ? v.edge_mapped : v.edge_fresh;
  }
  if (state.position == State::Steady) return usual;
  if (active_ == 1) return leads || is_short ? in.edge_mapped : 1;
  return is_short ? v.edge_fresh : usual;
}

}  // namespace hsconas::maestro
