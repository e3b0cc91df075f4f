#include "maestro_map.hpp"

#include <algorithm>

namespace hsconas::maestro {

Volumes volumes_of(const Map& map, std::int64_t extent) {
  const std::int64_t steady = extent > map.size ? (extent - map.size) / map.offset : 0;
  const bool has_edge = steady * map.offset + map.size < extent || map.size > extent;
  std::int64_t rest = extent - (steady + 1) * map.offset;
  if (rest < 0) rest = extent;
  const bool is_whole = !map.is_spatial && extent <= map.size;
  return {.mapped = map.size,
          .fresh = is_whole ? 0 : std::min(map.size, map.offset),
          .edge_mapped = has_edge ? rest : map.size,
          .edge_fresh = std::max<std::int64_t>(map.offset - (map.size - rest), 0)};
}

std::vector<State> temporal_states(const Map& map, std::int64_t extent) {
  std::vector<State> states{
      {.position = State::First, .is_whole = extent <= map.size, .is_edge = extent < map.size}};
  if (extent <= map.size) return states;
  const std::int64_t steady = (extent - map.size) / map.offset;
  if (steady > 0) states.push_back({.position = State::Steady, .times = steady});
  if (steady * map.offset + map.size < extent) {
    states.push_back({.position = State::Last, .is_edge = true});
  }
  return states;
}

std::vector<State> spatial_states(const Map& map, std::int64_t extent, std::int64_t clusters) {
  const std::int64_t coverage = map.size + map.offset * (clusters - 1);
  const bool is_edge = extent < coverage;
  std::vector<State> states{{.position = State::First,
                             .is_whole = extent <= coverage,
                             .is_edge = is_edge,
                             .has_short = is_edge}};
  if (extent <= coverage) return states;
  const std::int64_t step = map.offset * clusters;
  const std::int64_t steady = ((extent - map.size) / map.offset + 1) / clusters - 1;
  if (steady > 0) states.push_back({.position = State::Steady, .times = steady});
  if ((steady + 1) * step + coverage > extent && steady * step + coverage != extent) {
    const std::int64_t rest = extent - (steady + 1) * step;
    const std::int64_t active = rest < map.size ? 1 : (rest - map.size) / map.offset + 1;
    const bool has_short = (active - 1) * map.offset + map.size < rest;
    states.push_back({.position = State::Last, .is_edge = true, .has_short = has_short});
  }
  return states;
}

}  // namespace hsconas::maestro
