// Voltages and the network on the chip as axes of a design space.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/accel/cost.hpp"
#include "hsconas/accel/operating_point.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/codesign/design_space.hpp"
#include "hsconas/codesign/pair.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

json shipped() {
  return read_json(source_folder() / "configs" / "designs" / "voltage-noc.json");
}

/// The lowest energy x delay of the designs that meet the limits; infinite if none does.
double least_product(const std::vector<PairCost>& costs, const DesignSpace& designs,
                     const Limits& limits, bool only_nominal) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const Accelerator& design = designs.designs()[i];
    if (only_nominal && design.voltage != design.supply.nominal) continue;
    if (area_of(design).total() / 1e6 > limits.area_mm2 || !limits.meets(costs[i])) continue;
    least = std::min(least, costs[i].product());
  }
  return least;
}

}  // namespace

TEST_CASE("the shipped space of voltages and networks on the chip holds what its file says",
          "[codesign]") {
  const DesignSpace space(shipped());
  CHECK(space.size() == 3 * 3 * 4 * 2 * 2 * 6);
  CHECK(space.left_out() == 0);
  std::vector<std::string> keys;
  for (const DesignAxis& axis : space.axes()) keys.push_back(axis.key);
  CHECK(keys == std::vector<std::string>{"dataflow", "pes", "noc_words", "multicast", "reduction",
                                         "voltage"});
  CHECK(space.axes().back().values ==
        std::vector<std::string>{"0.6", "0.7", "0.8", "0.9", "1.0", "1.1"});
  const Accelerator& design = space.designs()[space.find("rs_128_32_true_false_0.9")];
  CHECK(design.noc_words == 32.0);
  CHECK(design.multicast);
  CHECK(!design.reduction);
  // Exactly the nominal voltage, although the range steps by 0.1.
  CHECK(operating_point(design).clock_mhz == 200.0);
}

TEST_CASE("every field of the network on the chip can be an axis, and each changes costs",
          "[codesign]") {
  const Network network =
      load_network(source_folder() / "configs" / "networks" / "mobilenetv2.json");
  json source = shipped();
  for (const char* key : {"dataflow", "pes", "noc_words", "multicast", "reduction", "voltage"}) {
    source[key] = source[key].is_array() ? source[key][0] : json(0.9);
  }
  source["pes"] = 256;  // With several columns, so that words can be sent to more than one.
  const std::map<std::string, json> axes{{"noc_words", {8, 64}},
                                         {"noc_hop_cycles", {1, 8}},
                                         {"multicast", {true, false}},
                                         {"reduction", {true, false}}};
  for (const auto& [key, values] : axes) {
    CAPTURE(key);
    json varied = source;
    varied[key] = values;
    const DesignSpace space(varied);
    REQUIRE(space.size() == 2);
    CHECK(space.axes()[0].key == key);
    CHECK(cost_of(network, space.designs()[0]).cycles !=
          cost_of(network, space.designs()[1]).cycles);
  }
}

TEST_CASE("a voltage outside of the supply's range is refused in a design space", "[codesign]") {
  json source = shipped();
  source["voltage"] = {0.9, 1.2};
  CHECK(contains(error_of([&] { DesignSpace{source}; }), "voltage must be in [0.6, 1.1], got 1.2"));
  source["supply"]["highest"] = 1.2;
  CHECK(DesignSpace(source).axes().back().values == std::vector<std::string>{"0.9", "1.2"});
}

TEST_CASE("the cost table has the cost model's numbers at every voltage", "[codesign]") {
  const SearchSpace space = tiny_space();
  json source = shipped();
  source["pes"] = 64;
  const DesignSpace designs(source);
  const CostTable table(space, designs.designs());
  const Architecture arch = space.uniform(0);
  const Network network = network_of(space, arch);
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const NetworkCost cost = cost_of(network, designs.designs()[i]);
    CHECK(table.cost(arch, i).ms == Approx(cost.milliseconds).epsilon(1e-12));
    CHECK(table.cost(arch, i).energy == Approx(cost.energy).epsilon(1e-12));
  }
}

// Exhaustive: every design of the shipped space, with the same limits for those at the nominal
// voltage alone and for those at all voltages.
TEST_CASE("voltages lower the best energy x delay at equal limits", "[codesign]") {
  const SearchSpace space = shipped_space("nas-bench-macro");
  const DesignSpace designs(shipped());
  const CostTable table(space, designs.designs());
  std::vector<double> ratios;
  int gained = 0;
  for (const char* name : {"00000000", "11111111", "22222222", "12021201"}) {
    const Architecture arch = space.decode(name);
    std::vector<PairCost> costs(designs.size());
    table.costs(arch, costs);
    std::vector<double> ms;
    std::vector<double> mw;
    for (std::size_t i = 0; i < costs.size(); ++i) {
      if (designs.designs()[i].voltage != 0.9) continue;
      ms.push_back(costs[i].ms);
      mw.push_back(power_mw(costs[i]));
    }
    for (const double level : {0.1, 0.5, 1.0}) {
      for (const double power : {0.1, 0.5, 1.0}) {
        const Limits limits{.ms = quantile(ms, level), .power_mw = quantile(mw, power)};
        const double nominal = least_product(costs, designs, limits, true);
        const double all = least_product(costs, designs, limits, false);
        CHECK(all <= nominal);
        if (!std::isfinite(nominal)) {
          gained += std::isfinite(all) ? 1 : 0;  // Only another voltage meets the limits.
          continue;
        }
        ratios.push_back(all / nominal);
      }
    }
  }
  WARN(
      fmt::format("energy x delay of the best design, all voltages relative to 0.9 V: mean {:.3f} "
                  "over {} limits ({:.3f} to {:.3f}); {} further limits are met at other voltages "
                  "only",
                  mean(ratios), ratios.size(), *std::min_element(ratios.begin(), ratios.end()),
                  *std::max_element(ratios.begin(), ratios.end()), gained));
  CHECK(ratios.size() >= 20);
  CHECK(mean(ratios) < 0.9);
}
