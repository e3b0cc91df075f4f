#include "maestro_mappings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace maestro {

namespace {

constexpr bool kSpatial = true;
constexpr bool kTemporal = false;

}  // namespace

Program program_of(const Layer& layer, MaestroMapping mapping, bool is_depthwise) {
  const Map window_r{R, kTemporal, layer.r, layer.r};
  const Map window_s{S, kTemporal, layer.s, layer.s};
  const auto rows = [&](bool spatial) { return Map{Y, spatial, layer.r, layer.stride}; };
  const auto columns = [&](bool spatial) { return Map{X, spatial, layer.s, layer.stride}; };
  const Map one_channel{C, kTemporal, 1, 1};
  // Depthwise layers are mapped without the loop over filters.
  const auto filters = [&](std::int64_t count) {
    return is_depthwise ? Map{K, kTemporal, 1, 1} : Map{K, kTemporal, count, count};
  };
  Program program;
  switch (mapping) {
    case MaestroMapping::KcP:
      if (is_depthwise) {
        program.levels = {
            {{C, kSpatial, 1, 1}, rows(kTemporal), columns(kTemporal), window_r, window_s}};
        break;
      }
      program.levels = {
          {{K, kSpatial, 1, 1},
           {C, kTemporal, 64, 64},
           window_r,
           window_s,
           rows(kTemporal),
           columns(kTemporal)},
          {{C, kSpatial, 1, 1}, rows(kTemporal), columns(kTemporal), window_r, window_s}};
      program.cluster = 64;
      break;
    case MaestroMapping::XP:
      program.levels = {
          {filters(1), one_channel, rows(kTemporal), columns(kSpatial), window_r, window_s}};
      break;
    case MaestroMapping::YxP:
      program.levels = {{filters(1),
                         one_channel,
                         rows(kSpatial),
                         {X, kTemporal, 7 * layer.stride + layer.s, 8 * layer.stride},
                         window_r,
                         window_s},
                        {columns(kSpatial)}};
      program.cluster = 8;
      break;
    case MaestroMapping::YrP:
      program.levels = {
          {rows(kSpatial), columns(kTemporal), one_channel, filters(16), window_r, window_s},
          {{Y, kSpatial, 1, 1}, {R, kSpatial, 1, 1}, window_s}};
      program.cluster = layer.r;
      break;
    case MaestroMapping::YkP:
      program.levels = {
          {filters(16), rows(kSpatial), columns(kTemporal), one_channel, window_r, window_s},
          {{K, kSpatial, 1, 1}, rows(kTemporal), columns(kTemporal), window_r, window_s}};
      program.cluster = 16;
      break;
  }
  return program;
}

std::vector<Map> completed(const std::vector<Map>& maps, const Sizes& nominal) {
  std::vector<Map> all;
  for (const Loop loop : {K, C, R, S, Y, X}) {
    const bool is_named =
        std::any_of(maps.begin(), maps.end(), [&](const Map& map) { return map.loop == loop; });
    if (!is_named) all.push_back({loop, kTemporal, nominal[loop], nominal[loop]});
  }
  all.insert(all.end(), maps.begin(), maps.end());
  return all;
}

}  // namespace maestro

MaestroMapping read_maestro_mapping(std::string_view name) {
  if (name == "KC-P") return MaestroMapping::KcP;
  if (name == "X-P") return MaestroMapping::XP;
  if (name == "YX-P") return MaestroMapping::YxP;
  if (name == "YR-P") return MaestroMapping::YrP;
  if (name == "YK-P") return MaestroMapping::YkP;
  throw Error(ErrorKind::Usage,
              fmt::format("unknown MAESTRO mapping '{}': KC-P, X-P, YX-P, YR-P or YK-P", name));
}

}  // namespace hsconas
