#include "hsconas/reference/maestro.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "ceil_div.hpp"
#include "hsconas/base/error.hpp"
#include "maestro_level.hpp"
#include "maestro_mappings.hpp"

namespace hsconas {

using namespace maestro;

namespace {

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
