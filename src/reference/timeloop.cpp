#include "hsconas/reference/timeloop.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "timeloop_loops.hpp"

namespace hsconas {

namespace {

using timeloop::kLetters;
using timeloop::letter;

using Extents7 = std::array<double, 7>;  ///< Indexed by the position in kLetters.

bool moves(Tensor tensor, char dim) {
  switch (tensor) {
    case Tensor::Weight:
      return std::string_view("KCRS").find(dim) != std::string_view::npos;
    case Tensor::Input:
      return std::string_view("NCRSPQ").find(dim) != std::string_view::npos;
    case Tensor::Output:
      return std::string_view("NKPQ").find(dim) != std::string_view::npos;
  }
  return false;
}

/// A mapping's loops in one list, outermost first, each with the level that it belongs to.
struct Nest {
  struct Loop {
    std::size_t level = 0;
    MappingLoop loop;
  };
  std::vector<Loop> loops;
  double stride = 1.0;
  double dilation = 1.0;

  /// Extents of the tile that one instance of `level` holds at a time.
  Extents7 tile(std::size_t level) const {
    Extents7 extents;
    extents.fill(1.0);
    for (const Loop& l : loops) {
      if (l.level >= level) extents[letter(l.loop.dim)] *= static_cast<double>(l.loop.bound);
    }
    return extents;
  }

  double reach(const Extents7& t, bool along_y) const {
    const double out = t[letter(along_y ? 'P' : 'Q')];
    const double window = t[letter(along_y ? 'R' : 'S')];
    return (out - 1.0) * stride + (window - 1.0) * dilation + 1.0;
  }

  double words(Tensor tensor, const Extents7& t) const {
    const auto of = [&](char dim) { return t[letter(dim)]; };
    switch (tensor) {
      case Tensor::Weight:
        return of('K') * of('C') * of('R') * of('S');
      case Tensor::Output:
        return of('N') * of('K') * of('P') * of('Q');
      case Tensor::Input:
        return of('N') * of('C') * reach(t, true) * reach(t, false);
    }
    return 0.0;
  }

  double spatial(std::size_t first, std::size_t last) const {
    double instances = 1.0;
    for (const Loop& l : loops) {
      if (l.loop.is_spatial && l.level >= first && l.level < last) {
        instances *= static_cast<double>(l.loop.bound);
      }
    }
    return instances;
  }

  /// The innermost temporal loop outside of `level` that `tensor` depends on, if there is one.
  std::optional<std::size_t> mover(Tensor tensor, std::size_t level) const {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < loops.size(); ++i) {
      const Loop& l = loops[i];
      if (l.level < level && !l.loop.is_spatial && l.loop.bound > 1 && moves(tensor, l.loop.dim)) {
        found = i;
      }
    }
    return found;
  }

  /// Whether a temporal loop between loop `last` and `level` uses the same tile again.
  bool repeats_inside(std::size_t last, std::size_t level) const {
    for (std::size_t i = last + 1; i < loops.size(); ++i) {
      const Loop& l = loops[i];
      if (l.level < level && !l.loop.is_spatial && l.loop.bound > 1) return true;
    }
    return false;
  }

  /// Iterations of the temporal loops down to `last`; `only_moving` leaves out the loops that
  /// `tensor` does not depend on.
  double iterations(std::size_t last, Tensor tensor, bool only_moving) const {
    double count = 1.0;
    for (std::size_t i = 0; i <= last; ++i) {
      const Loop& l = loops[i];
      if (l.loop.is_spatial || (only_moving && !moves(tensor, l.loop.dim))) continue;
      count *= static_cast<double>(l.loop.bound);
    }
    return count;
  }

  /// Words that tiles of extents `t` below `level` receive over the whole layer.
  double delivered(Tensor tensor, std::size_t level, const Extents7& t) const {
    const double full = words(tensor, t);
    const auto last = mover(tensor, level);
    if (!last) return full;
    const double tiles = iterations(*last, tensor, false);
    const MappingLoop& loop = loops[*last].loop;
    const bool along_y = loop.dim == 'P' || loop.dim == 'R';
    const bool slides = tensor == Tensor::Input && (along_y || loop.dim == 'Q' || loop.dim == 'S');
    if (!slides || repeats_inside(*last, level)) return tiles * full;
    double step = loop.dim == 'P' || loop.dim == 'Q' ? stride : dilation;
    for (std::size_t i = *last + 1; i < loops.size(); ++i) {
      if (loops[i].loop.dim == loop.dim) step *= static_cast<double>(loops[i].loop.bound);
    }
    const double window = reach(t, along_y);
    const auto bound = static_cast<double>(loop.bound);
    const double fresh = full / window * std::min(window, step);
    return tiles / bound * (full + (bound - 1.0) * fresh);
  }
};

void count_operand(const Nest& nest, Tensor tensor, const std::vector<std::size_t>& keepers,
                   double macs, std::vector<TimeloopAccesses>& levels) {
  const auto t = static_cast<std::size_t>(tensor);
  levels[keepers.back()].reads[t] += macs;
  for (std::size_t i = 0; i + 1 < keepers.size(); ++i) {
    const std::size_t parent = keepers[i];
    const std::size_t child = keepers[i + 1];
    const Extents7 tile = nest.tile(child);
    levels[child].fills[t] += nest.delivered(tensor, child, tile) * nest.spatial(0, child);
    // The first level that fans out sends every distinct tile once; the levels below share it.
    std::size_t fan_out = child;
    for (std::size_t level = child; level-- > parent;) {
      if (nest.spatial(level, level + 1) > 1.0) fan_out = level;
    }
    Extents7 shared = tile;
    double different = 1.0;
    for (const Nest::Loop& l : nest.loops) {
      if (!l.loop.is_spatial || l.level < fan_out || l.level >= child) continue;
      const auto bound = static_cast<double>(l.loop.bound);
      if (l.level > fan_out) {
        shared[letter(l.loop.dim)] *= bound;
      } else if (moves(tensor, l.loop.dim)) {
        different *= bound;
      }
    }
    levels[parent].reads[t] +=
        nest.delivered(tensor, child, shared) * different * nest.spatial(0, parent);
  }
}

void count_results(const Nest& nest, const std::vector<std::size_t>& keepers, double macs,
                   bool charges_drains, std::vector<TimeloopAccesses>& levels) {
  const auto t = static_cast<std::size_t>(Tensor::Output);
  double arriving = macs;  // Partial sums that reach the level from below.
  double first = macs;     // Partial sums that arrive and have no earlier one to be added to.
  for (std::size_t i = keepers.size(); i-- > 0;) {
    const std::size_t level = keepers[i];
    const double tile = nest.words(Tensor::Output, nest.tile(level));
    const auto last = nest.mover(Tensor::Output, level);
    const double visits = last ? nest.iterations(*last, Tensor::Output, false) : 1.0;
    const double new_tiles = last ? nest.iterations(*last, Tensor::Output, true) : 1.0;
    const double instances = nest.spatial(0, level);
    if (i + 1 == keepers.size()) first = new_tiles * tile * instances;
    levels[level].updates[t] += arriving;
    levels[level].reads[t] += arriving - first;
    if (i == 0) return;
    if (charges_drains) levels[level].reads[t] += visits * tile * instances;
    // Partial sums of instances that differ only in a reduced loop are added on the way up.
    double adders = 1.0;
    for (const Nest::Loop& l : nest.loops) {
      if (l.loop.is_spatial && l.level >= keepers[i - 1] && l.level < level &&
          !moves(Tensor::Output, l.loop.dim)) {
        adders *= static_cast<double>(l.loop.bound);
      }
    }
    arriving = visits * tile * instances / adders;
    first = new_tiles * tile * instances / adders;
  }
}

Nest make_nest(const Layer& layer, const Mapping& mapping,
               const TimeloopArchitecture& architecture) {
  if (layer.g != 1) {
    throw Error(ErrorKind::Usage,
                fmt::format("layer {}: a Timeloop mapping has no loop over groups", layer.name));
  }
  Nest nest{.loops = {},
            .stride = static_cast<double>(layer.stride),
            .dilation = static_cast<double>(layer.dilation)};
  if (mapping.levels.size() != architecture.levels.size()) {
    throw Error(ErrorKind::Usage, fmt::format("the mapping has {} levels, the architecture {}",
                                              mapping.levels.size(), architecture.levels.size()));
  }
  for (std::size_t i = 0; i < mapping.levels.size(); ++i) {
    if (mapping.levels[i].name != architecture.levels[i].name) {
      throw Error(ErrorKind::Usage,
                  fmt::format("level {} of the mapping is {}, of the architecture {}", i,
                              mapping.levels[i].name, architecture.levels[i].name));
    }
    for (const MappingLoop& loop : mapping.levels[i].loops) nest.loops.push_back({i, loop});
  }
  const Extents7 covered = nest.tile(0);
  const std::array<std::int64_t, 7> wanted{layer.n, layer.k,  layer.c, layer.r,
                                           layer.s, layer.oy, layer.ox};
  for (std::size_t d = 0; d < wanted.size(); ++d) {
    if (covered[d] != static_cast<double>(wanted[d])) {
      throw Error(ErrorKind::Usage, fmt::format("the mapping covers {} of {} in layer {}, not {}",
                                                covered[d], kLetters[d], layer.name, wanted[d]));
    }
  }
  return nest;
}

void check_capacity(const Nest& nest, const TimeloopArchitecture& architecture) {
  for (std::size_t i = 0; i < architecture.levels.size(); ++i) {
    const TimeloopLevel& level = architecture.levels[i];
    double held = 0.0;
    for (std::size_t t = 0; t < kTensors; ++t) {
      if (level.keeps[t]) held += nest.words(kAllTensors[t], nest.tile(i));
    }
    if (level.capacity > 0.0 && held > level.capacity) {
      throw Error(ErrorKind::Infeasible, fmt::format("{} holds {} words, the mapping needs {}",
                                                     level.name, level.capacity, held));
    }
  }
}

double sum(const std::array<double, kTensors>& values) {
  return values[0] + values[1] + values[2];
}

}  // namespace

double TimeloopAccesses::total() const {
  return sum(reads) + sum(fills) + sum(updates);
}

TimeloopCost timeloop_cost(const Layer& layer, const Mapping& mapping,
                           const TimeloopArchitecture& architecture) {
  const Nest nest = make_nest(layer, mapping, architecture);
  check_capacity(nest, architecture);
  TimeloopCost cost;
  cost.macs = static_cast<double>(layer.macs());
  cost.levels.resize(architecture.levels.size());
  for (const Tensor tensor : kAllTensors) {
    std::vector<std::size_t> keepers;
    for (std::size_t i = 0; i < architecture.levels.size(); ++i) {
      if (architecture.levels[i].keeps[static_cast<std::size_t>(tensor)]) keepers.push_back(i);
    }
    if (keepers.empty()) {
      throw Error(ErrorKind::Usage,
                  fmt::format("no level of the architecture keeps the {}", name_of(tensor)));
    }
    if (tensor == Tensor::Output) {
      count_results(nest, keepers, cost.macs, architecture.charges_drains, cost.levels);
    } else {
      count_operand(nest, tensor, keepers, cost.macs, cost.levels);
    }
  }
  const double compute = cost.macs / nest.spatial(0, architecture.levels.size());
  cost.cycles = compute;
  cost.energy = cost.macs * architecture.mac_energy;
  for (std::size_t i = 0; i < cost.levels.size(); ++i) {
    TimeloopAccesses& accesses = cost.levels[i];
    const TimeloopLevel& level = architecture.levels[i];
    const double reads = sum(accesses.reads);
    const double writes = sum(accesses.fills) + sum(accesses.updates);
    accesses.energy = reads * level.read_energy + writes * level.write_energy;
    cost.energy += accesses.energy;
    const double instances = nest.spatial(0, i);
    if (level.read_words > 0.0) {
      cost.cycles = std::max(cost.cycles, std::ceil(reads / instances / level.read_words));
    }
    if (level.write_words > 0.0) {
      cost.cycles = std::max(cost.cycles, std::ceil(writes / instances / level.write_words));
    }
  }
  cost.utilization = cost.macs / (static_cast<double>(architecture.pes) * cost.cycles);
  return cost;
}

}  // namespace hsconas
