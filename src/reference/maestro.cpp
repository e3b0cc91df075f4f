#include "hsconas/reference/maestro.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

// Loops as MAESTRO names them: Y and X are rows and columns of the input.
enum Loop : std::size_t { K, C, R, S, Y, X };
constexpr std::size_t kLoops = 6;
using Sizes = std::array<std::int64_t, kLoops>;

enum class Operand : std::uint8_t { Input, Weight, Output };

/// A map directive: chunks of `size` that begin every `offset`. They follow each other in time or,
/// if spatial, lie side by side on the clusters below.
struct Map {
  Loop loop = K;
  bool is_spatial = false;
  std::int64_t size = 1;
  std::int64_t offset = 1;
};

/// Which chunk of a map is being processed.
struct State {
  enum Position : std::uint8_t { First, Steady, Last };
  Position position = First;
  std::int64_t times = 1;
  bool is_whole = false;   ///< The first chunk covers the loop.
  bool is_edge = false;    ///< The chunk is cut short, or there are fewer chunks than clusters.
  bool has_short = false;  ///< One of the clusters has a chunk that is cut short.
};

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Elements of one loop that a cluster maps, and those of them that its neighbour in space or time
/// does not share; for full and for edge chunks.
struct Volumes {
  std::int64_t mapped = 1, fresh = 1;
  std::int64_t edge_mapped = 1, edge_fresh = 1;
};

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

/// One level of clusters that processes tiles of given extents.
class Level {
 public:
  /// `nominal` are the extents of a full chunk of the level above, from which all volumes come;
  /// `actual` are those of the present chunk, which decide how often each state occurs.
  Level(std::vector<Map> maps, std::int64_t clusters, const Sizes& nominal, const Sizes& actual,
        bool is_depthwise)
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

  /// Calls visit(occurrences) for every combination of states, the very first one first.
  template <typename Visit>
  void each_case(Visit visit) {
    std::vector<std::size_t> index(maps_.size(), 0);
    for (bool more = true; more;) {
      std::int64_t times = 1;
      for (std::size_t i = 0; i < maps_.size(); ++i) {
        at_[i] = states_[i][index[i]];
        times *= at_[i].times;
      }
      visit(times);
      more = false;
      for (std::size_t i = maps_.size(); i-- > 0 && !more;) {
        more = ++index[i] < states_[i].size();
        if (!more) index[i] = 0;
      }
    }
  }

  bool is_first() const { return !moving(); }

  std::int64_t ingress(Operand operand) const {
    return spread(operand,
                  [&](bool leads, bool is_short) { return sent_to(operand, leads, is_short); });
  }
  std::int64_t egress() const {
    return spread(Operand::Output,
                  [&](bool leads, bool is_short) { return results(false, leads, is_short); });
  }
  /// Multiply-adds of the busiest cluster.
  std::int64_t work() const {
    const State* spatial = spatial_state(Operand::Output);
    const bool is_short =
        spatial != nullptr && spatial->is_edge && active_ == 1 && spatial->has_short;
    return results(true, true, is_short);
  }
  /// Elements of `operand` that one cluster maps.
  std::int64_t held(Operand operand) const { return mapped_by(operand, true, false); }

  /// Extents of the tiles below, for the clusters with full chunks or for the one with a short one.
  Sizes below(bool is_short) const {
    Sizes sizes{};
    for (std::size_t i = 0; i < maps_.size(); ++i) {
      const Volumes& v = volumes_[maps_[i].loop];
      bool is_edge = at_[i].is_edge;
      if (maps_[i].is_spatial) is_edge = is_edge && (active_ == 1 || is_short);
      sizes[maps_[i].loop] = is_edge ? v.edge_mapped : v.mapped;
    }
    return sizes;
  }
  /// Whether a cluster below has a chunk of the first spatial map that is cut short.
  bool has_short_cluster() const {
    const State& state = at_[first_spatial()];
    return state.is_edge && state.has_short;
  }
  bool has_full_cluster() const { return !has_short_cluster() || active_ > 1; }

 private:
  bool couples(Operand operand, Loop loop) const {
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

  void count_active(const Map& map, std::int64_t extent) {
    std::int64_t chunks = 1;
    if (extent >= map.size) chunks = ceil_div(extent - map.size, map.offset) + 1;
    if (chunks % clusters_ != 0) active_ = chunks % clusters_;
  }

  std::size_t first_spatial() const {
    std::size_t i = 0;
    while (!maps_[i].is_spatial) ++i;
    return i;
  }

  /// The innermost map that is not at its first chunk.
  std::optional<std::size_t> moving() const {
    for (std::size_t i = maps_.size(); i-- > 0;) {
      if (at_[i].position != State::First) return i;
    }
    return std::nullopt;
  }

  const State* spatial_state(Operand operand) const {
    const State* found = nullptr;
    for (std::size_t i = 0; i < maps_.size(); ++i) {
      if (maps_[i].is_spatial && couples(operand, maps_[i].loop)) found = &at_[i];
    }
    return found;
  }

  /// Sum of volume(leads, is_short) over the clusters that an operand is spread over: the first one
  /// leads, and the last one may be cut short. Without a spatial map all share one copy.
  template <typename Volume>
  std::int64_t spread(Operand operand, Volume volume) const {
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

  std::int64_t mapped_by(Operand operand, bool leads, bool is_short) const {
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

  /// Elements sent to a cluster: those that it does not hold and, unless it leads, does not share.
  std::int64_t sent_to(Operand operand, bool leads, bool is_short) const {
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
        product *=
            is_short ? (shares ? v.edge_fresh : v.edge_mapped) : (shares ? v.fresh : v.mapped);
      } else if (at_[i].position == State::First) {
        product *= at_[i].is_edge ? v.edge_mapped : v.mapped;
      } else {
        product *= slides ? std::max<std::int64_t>(v.fresh, 1) : v.mapped;
      }
    }
    return product;
  }

  /// Results that one cluster delivers, or the multiply-adds it does for them.
  std::int64_t results(bool is_work, bool leads, bool is_short) const {
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

  std::int64_t spatial_results(const State& state, const Volumes& v, const Volumes& in, bool leads,
                               bool is_short) const {
    const std::int64_t usual = leads ? v.mapped : std::max<std::int64_t>(v.fresh, 1);
    if (state.position == State::First) {
      if (!state.is_edge || !is_short) return usual;
      return active_ == 1 ? v.edge_mapped : v.edge_fresh;
    }
    if (state.position == State::Steady) return usual;
    if (active_ == 1) return leads || is_short ? in.edge_mapped : 1;
    return is_short ? v.edge_fresh : usual;
  }

  std::vector<Map> maps_;
  std::int64_t clusters_;
  std::int64_t active_;  ///< Clusters that work on the last, incomplete chunk.
  bool depthwise_;
  std::array<Volumes, kLoops> volumes_{};
  std::array<Volumes, kLoops> outputs_{};  ///< For Y and X: volumes of output rows and columns.
  std::vector<std::vector<State>> states_;
  std::vector<State> at_;
};

constexpr bool kSpatial = true;
constexpr bool kTemporal = false;

/// The directives of a mapping.
struct Program {
  std::vector<std::vector<Map>> levels;
  std::int64_t cluster = 0;  ///< PEs of a cluster of the top level; 0: there is one level only.
};

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

/// Adds the loops that a level does not name: they are mapped whole, outside of the others.
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

/// Walks the levels of a program for one layer.
class Replay {
 public:
  Replay(Program program, const Sizes& extents, const MaestroHardware& hardware, bool is_depthwise)
      : program_(std::move(program)), hardware_(hardware), depthwise_(is_depthwise) {
    nominal_.push_back(extents);
    clusters_.push_back(hardware.pes);
    if (program_.cluster > 0) {
      clusters_ = {hardware.pes / program_.cluster, program_.cluster};
      Sizes below = extents;
      for (const Map& map : program_.levels[0]) {
        below[map.loop] = std::min(map.size, extents[map.loop]);
      }
      nominal_.push_back(below);
    }
  }

  MaestroCost run() {
    cost_.cycles = cycles_of(0, nominal_[0]);
    cost_.l1_words = pe_requirement();
    return cost_;
  }

 private:
  Level make_level(std::size_t i, const Sizes& actual) const {
    return {completed(program_.levels[i], nominal_[i]), clusters_[i], nominal_[i], actual,
            depthwise_};
  }

  std::int64_t transfer(std::int64_t words) const {
    return words > 0 ? ceil_div(words, hardware_.noc_words) - 1 : 0;
  }

  std::int64_t cycles_of(std::size_t i, const Sizes& actual) {
    if (const auto known = known_.find({i, actual}); known != known_.end()) return known->second;
    Level level = make_level(i, actual);
    std::int64_t total = 0;
    std::int64_t offchip = 0;
    level.each_case([&](std::int64_t times) {
      const std::int64_t inputs = level.ingress(Operand::Input);
      const std::int64_t weights = level.ingress(Operand::Weight);
      const std::int64_t outputs = level.egress();
      const std::int64_t work = level.work();
      if (i == 0) {
        if (level.is_first()) {
          cost_.l2_words = 2 * (inputs + weights + outputs);
          offchip = std::max(2 * (inputs + weights) / hardware_.offchip_words / 2,
                             2 * outputs / hardware_.offchip_words / 2);
        }
        cost_.input_l2_reads += times * inputs;
        cost_.weight_l2_reads += times * weights;
        cost_.output_l2_writes += times * outputs;
      }
      if (work == 0) return;
      const std::int64_t inner = i + 1 < program_.levels.size() ? slowest_below(i, level)
                                                                : ceil_div(work, hardware_.lanes);
      const std::int64_t in = transfer(inputs + weights);
      const std::int64_t cycles =
          level.is_first() ? inner + in : std::max({inner, in, transfer(outputs)});
      total += times * std::max(cycles, offchip);
    });
    known_[{i, actual}] = total;
    return total;
  }

  std::int64_t slowest_below(std::size_t i, const Level& level) {
    std::int64_t slowest = 0;
    if (level.has_short_cluster()) slowest = cycles_of(i + 1, level.below(true));
    if (level.has_full_cluster()) {
      slowest = std::max(slowest, cycles_of(i + 1, level.below(false)));
    }
    return slowest;
  }

  /// Words of two tiles of inputs, weights and partial sums. Tiles have the directives' sizes, even
  /// if the layer is smaller.
  std::int64_t pe_requirement() const {
    const std::size_t last = program_.levels.size() - 1;
    Sizes sizes = nominal_[last];
    for (const Map& map : program_.levels[0]) {
      if (last > 0) sizes[map.loop] = map.size;
    }
    Level level(completed(program_.levels[last], sizes), clusters_[last], sizes, sizes, depthwise_);
    std::int64_t words = 0;
    level.each_case([&](std::int64_t) {
      if (level.is_first()) {
        words = 2 * (level.held(Operand::Input) + level.held(Operand::Weight) + level.work());
      }
    });
    return words;
  }

  Program program_;
  MaestroHardware hardware_;
  bool depthwise_;
  std::vector<std::int64_t> clusters_;  ///< Sub-clusters of each level.
  std::vector<Sizes> nominal_;          ///< Extents of a full chunk on each level.
  std::map<std::pair<std::size_t, Sizes>, std::int64_t> known_;
  MaestroCost cost_;
};

bool check(const Layer& layer, MaestroMapping mapping, std::int64_t pes) {
  const bool is_depthwise = layer.g > 1 && layer.k == 1 && layer.c == 1;
  if (layer.n != 1 || (layer.g != 1 && !is_depthwise)) {
    throw Error(ErrorKind::Usage,
                fmt::format("layer {}: MAESTRO's mappings know no batch and no groups other than "
                            "depthwise ones",
                            layer.name));
  }
  const std::int64_t cluster =
      std::max<std::int64_t>(program_of(layer, mapping, is_depthwise).cluster, 1);
  if (pes < cluster) {
    throw Error(ErrorKind::Usage, fmt::format("layer {}: the mapping works in clusters of {} PEs, "
                                              "there are {}",
                                              layer.name, cluster, pes));
  }
  return is_depthwise;
}

/// Adds area and power by MAESTRO's 28 nm constants.
void add_area(MaestroCost& cost, const MaestroHardware& hardware) {
  const auto pes = static_cast<double>(hardware.pes);
  const auto lanes = static_cast<double>(hardware.lanes);
  const auto l1 = static_cast<double>(cost.l1_words);
  const auto l2 = static_cast<double>(cost.l2_words);
  const double bus = (14.662 * pes + 28.895) * static_cast<double>(hardware.noc_words);
  const double arbiter = 1.2886 * pes * pes + 5.5814 * pes - 23.711;
  cost.area_um2 = pes * (283.0 * lanes + 0.104 * l1) + 0.104 * l2 + 101.7938 * bus +
                  395.473 * std::max(arbiter, 1.0);
  cost.power_mw = pes * (1.2223 * lanes + 0.00345 * l1) + 0.00345 * l2 + 0.8 / 1000.0 * bus +
                  0.34 * std::max(arbiter / 1000.0, 1.0);
}

void add_energy(MaestroCost& cost, const Layer& layer, const Sizes& extents, bool is_depthwise) {
  const auto macs = static_cast<double>(layer.macs());
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  const std::int64_t filters = is_depthwise ? extents[C] : extents[K];
  const double inputs = number(extents[C] * extents[Y] * extents[X]);
  const double outputs = number(filters * (extents[Y] - layer.r + 1) * (extents[X] - layer.s + 1));
  const double sent = number(cost.input_l2_reads) + number(cost.weight_l2_reads);
  const double l2 =
      sent + outputs + inputs + number(layer.weights()) + number(cost.output_l2_writes);
  const double l1 = 3.0 * macs + sent + macs;
  cost.energy_macs = 18.61 * l2 + 1.68 * l1 + macs;
}

}  // namespace

MaestroMapping read_maestro_mapping(std::string_view name) {
  if (name == "KC-P") return MaestroMapping::KcP;
  if (name == "X-P") return MaestroMapping::XP;
  if (name == "YX-P") return MaestroMapping::YxP;
  if (name == "YR-P") return MaestroMapping::YrP;
  if (name == "YK-P") return MaestroMapping::YkP;
  throw Error(ErrorKind::Usage,
              fmt::format("unknown MAESTRO mapping '{}': KC-P, X-P, YX-P, YR-P or YK-P", name));
}

MaestroCost maestro_cost(const Layer& layer, MaestroMapping mapping,
                         const MaestroHardware& hardware) {
  const bool is_depthwise = check(layer, mapping, hardware.pes);
  // Y and X are those of the padded input; the groups of a depthwise layer count as channels.
  const Sizes extents{
      layer.k, is_depthwise ? layer.g : layer.c,        layer.r,
      layer.s, (layer.oy - 1) * layer.stride + layer.r, (layer.ox - 1) * layer.stride + layer.s};
  Replay replay(program_of(layer, mapping, is_depthwise), extents, hardware, is_depthwise);
  MaestroCost cost = replay.run();
  add_area(cost, hardware);
  add_energy(cost, layer, extents, is_depthwise);
  return cost;
}

std::int64_t maestro_unlimited_cycles(const Layer& layer, MaestroMapping mapping,
                                      std::int64_t pes) {
  const bool is_depthwise = check(layer, mapping, pes);
  const std::int64_t k = layer.k;
  const std::int64_t c = is_depthwise ? layer.g : layer.c;
  const std::int64_t pixels = layer.oy * layer.ox;
  const std::int64_t window = layer.r * layer.s;
  switch (mapping) {
    case MaestroMapping::KcP:
      if (is_depthwise) return ceil_div(c, pes) * pixels * window;
      return ceil_div(k, pes / 64) * ceil_div(c, 64) * pixels * window;
    case MaestroMapping::XP:
      return k * c * layer.oy * ceil_div(layer.ox, pes) * window;
    case MaestroMapping::YxP:
      return k * c * ceil_div(layer.oy, pes / 8) * ceil_div(layer.ox, 8) * window;
    case MaestroMapping::YrP:
      return ceil_div(layer.oy, pes / layer.r) * layer.ox * c *
             (k < 16 ? k : 16 * ceil_div(k, 16)) * layer.s;
    case MaestroMapping::YkP:
      return ceil_div(layer.oy, pes / 16) * layer.ox * c * ceil_div(k, 16) * window;
  }
  return 0;
}

}  // namespace hsconas
