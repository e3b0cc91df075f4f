#include "hsconas/accel/operating_point.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "accel/random_designs.hpp"
#include "catch.hpp"
#include "hsconas/accel/cost.hpp"
#include "hsconas/accel/model.hpp"
#include "hsconas/base/csv.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

Accelerator design_at_voltages(const std::string& name) {
  return load_accelerator(source_folder() / "configs/accelerators" / (name + ".json"));
}

Network network_at_voltages(const std::string& name) {
  return load_network(source_folder() / "configs/networks" / (name + ".json"));
}

Accelerator at(Accelerator design, double voltage) {
  design.voltage = voltage;
  return design;
}

double milliseconds(double cycles, const Accelerator& design) {
  return cycles / (operating_point(design).clock_mhz * 1e3);
}

double dynamic_on_chip(const LayerCost& cost) {
  const EnergyTerms& e = cost.energy_terms;
  double total = e.mac;
  for (std::size_t t = 0; t < kTensors; ++t) total += e.registers[t] + e.noc[t] + e.buffer[t];
  return total;
}

/// A random layer on a random design at two voltages, the lower one first.
struct TwoVoltages {
  Layer layer;
  Accelerator slow, fast;
  LayerCost low, high;
};

/// Calls `visit` for every random pair that fits the buffer, which does not depend on the voltage.
template <typename Visit>
int visit_pairs(int pairs, Visit visit) {
  Rng rng(11, "voltages");
  int fitting = 0;
  for (int i = 0; i < pairs; ++i) {
    TwoVoltages two{.layer = random_layer(rng), .slow = random_design(rng)};
    two.slow.voltage = rng.uniform(0.6, 1.1);
    two.fast = at(two.slow, rng.uniform(two.slow.voltage, 1.1));
    try {
      two.low = cost_of(two.layer, two.slow);
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::Infeasible);
      CHECK_THROWS_AS(cost_of(two.layer, two.fast), Error);
      continue;
    }
    two.high = cost_of(two.layer, two.fast);
    ++fitting;
    visit(two);
  }
  return fitting;
}

constexpr int kVoltagePairs = 30000;

}  // namespace

TEST_CASE("at its nominal voltage, an operating point has exactly the numbers of the design",
          "[accel]") {
  Accelerator design = design_at_voltages("kc-p");
  design.supply.nominal = design.voltage = 0.7;
  const OperatingPoint point = operating_point(design);
  CHECK(point.clock_mhz == design.clock_mhz);
  CHECK(point.offchip_bytes == design.offchip_bytes);
  CHECK(point.energy == 1.0);
  CHECK(point.leakage_mw == 0.0);
}

TEST_CASE("the clock follows the alpha-power law, and energies the square of the voltage",
          "[accel]") {
  Accelerator design = design_at_voltages("eyeriss-accelergy");
  design.leakage_mw_per_mm2 = 2.0;
  const double area_mm2 = area_of(design).total() / 1e6;
  // (0.25 / 0.55)^1.3 * (0.9 / 0.6) and (0.75 / 0.55)^1.3 * (0.9 / 1.1), computed by hand.
  for (const auto& [voltage, faster] : {std::pair{0.6, 0.5381976213356036}, {1.1, 1.2244976905}}) {
    const OperatingPoint point = operating_point(at(design, voltage));
    CHECK(point.clock_mhz == Approx(200.0 * faster));
    CHECK(point.energy == Approx(voltage * voltage / 0.81));
    CHECK(point.leakage_mw == Approx(2.0 * area_mm2 * voltage / 0.9));
    // Bytes per second stay.
    CHECK(point.offchip_bytes * point.clock_mhz == Approx(design.offchip_bytes * 200.0));
  }
  CHECK(operating_point(design).leakage_mw == 2.0 * area_mm2);
}

TEST_CASE("designs without a voltage cost what they cost before there were voltages", "[accel]") {
  const CsvTable golden =
      CsvTable::load(source_folder() / "tests" / "golden" / "accelerator_costs.csv");
  for (std::size_t row = 0; row < golden.rows(); ++row) {
    const auto number = [&](const char* column) {
      return golden.number(row, golden.column(column));
    };
    const std::string& name = golden.text(row, golden.column("design"));
    CAPTURE(name, golden.text(row, golden.column("network")));
    const NetworkCost cost = cost_of(
        network_at_voltages(golden.text(row, golden.column("network"))), design_at_voltages(name));
    CHECK(cost.cycles == number("cycles"));
    CHECK(cost.milliseconds == number("ms"));
    CHECK(cost.energy == number("energy"));
    CHECK(cost.offchip_bytes == number("offchip_bytes"));
    CHECK(cost.energy_terms.leakage == 0.0);
  }
  CHECK(golden.rows() == 36);
}

TEST_CASE("a higher voltage never lengthens the time by more than the rounding to a cycle",
          "[accel]") {
  int slower = 0;
  int faster = 0;
  const int fitting = visit_pairs(kVoltagePairs, [&](const TwoVoltages& two) {
    const double before = milliseconds(two.low.cycles, two.slow);
    slower += milliseconds(two.high.cycles - 1.0, two.fast) > before * (1.0 + 1e-12) ? 1 : 0;
    faster += milliseconds(two.high.cycles, two.fast) < before ? 1 : 0;
  });
  CHECK(fitting > kVoltagePairs * 3 / 4);
  CHECK(slower == 0);
  CHECK(faster > fitting / 2);
}

// At a higher voltage, off-chip memory is slower in terms of cycles, so that another tile may be
// faster, with fewer transfers off the chip and more or fewer on it.
TEST_CASE("with the same tile, a higher voltage never lowers the energy of the chip", "[accel]") {
  int lower = 0;
  int lower_after_change = 0;
  int same_tile = 0;
  const int fitting = visit_pairs(kVoltagePairs, [&](const TwoVoltages& two) {
    const bool falls = dynamic_on_chip(two.high) < dynamic_on_chip(two.low) * (1.0 - 1e-12);
    const bool same = two.high.noc.in == two.low.noc.in && two.high.noc.out == two.low.noc.out &&
                      two.high.offchip.in == two.low.offchip.in;
    same_tile += same ? 1 : 0;
    lower += falls && same ? 1 : 0;
    lower_after_change += falls && !same ? 1 : 0;
  });
  WARN(
      fmt::format("of {} random layers and designs at two voltages, {} keep their transfers; in "
                  "{} others the higher voltage takes less energy on the chip",
                  fitting, same_tile, lower_after_change));
  CHECK(lower == 0);
  CHECK(same_tile > fitting * 9 / 10);
  CHECK(lower_after_change < fitting / 1000);
}

TEST_CASE("what only waits for off-chip memory gains no time from a faster clock", "[accel]") {
  int bound = 0;
  int changed = 0;
  visit_pairs(kVoltagePairs, [&](const TwoVoltages& two) {
    if (two.low.cycles > std::ceil(two.low.offchip_cycles)) return;
    ++bound;
    CHECK(two.high.offchip_bytes <= two.low.offchip_bytes);
    if (two.high.offchip_bytes != two.low.offchip_bytes) {
      ++changed;
      return;
    }
    const double before = milliseconds(two.low.cycles - 1.0, two.slow);
    CHECK(milliseconds(two.high.cycles, two.fast) >= before * (1.0 - 1e-12));
  });
  WARN(
      fmt::format("{} random layers wait for off-chip memory only; the faster clock makes {} take "
                  "a tile with less traffic",
                  bound, changed));
  CHECK(bound > 100);
  CHECK(changed < bound / 10);
}

TEST_CASE("the energy of off-chip transfers does not depend on the voltage", "[accel]") {
  const Accelerator design = design_at_voltages("eyeriss-accelergy");
  const Network network = network_at_voltages("resnet18");
  const EnergyTerms nominal = cost_of(network, design).energy_terms;
  const NetworkCost low = cost_of(network, at(design, 0.6));
  CHECK(low.energy_terms.offchip == nominal.offchip);
  CHECK(low.energy_terms.mac == Approx(nominal.mac * 0.36 / 0.81));
  CHECK(low.energy_terms.total() == Approx(low.energy));
}

TEST_CASE("leakage is a power that flows as long as the network runs", "[accel]") {
  Accelerator design = design_at_voltages("eyeriss-accelergy");
  const Network network = network_at_voltages("mobilenetv2");
  const NetworkCost without = cost_of(network, design);
  design.leakage_mw_per_mm2 = 5.0;
  const NetworkCost with = cost_of(network, design);
  // mW x ms = 1e6 pJ.
  const double expected = 5.0 * area_of(design).total() / 1e6 * with.milliseconds * 1e6;
  CHECK(with.cycles == without.cycles);
  CHECK(with.energy_terms.leakage == Approx(expected));
  CHECK(with.energy == Approx(without.energy + expected));
}

TEST_CASE("with leakage, the voltage of least energy lies inside the range, not at an end",
          "[accel]") {
  for (const char* name : {"mobilenetv2", "resnet18", "shufflenetv2"}) {
    const Network network = network_at_voltages(name);
    const auto best_of = [&](double leakage) {
      Accelerator design = design_at_voltages("eyeriss-accelergy");
      design.leakage_mw_per_mm2 = leakage;
      std::vector<double> energies;
      for (int step = 0; step <= 50; ++step) {
        energies.push_back(cost_of(network, at(design, (60 + step) / 100.0)).energy);
      }
      const auto least = std::min_element(energies.begin(), energies.end());
      WARN(
          fmt::format("{} with leakage of {} mW/mm2: least energy at {:.2f} V, {:.3f} of the "
                      "nominal voltage's",
                      name, leakage, 0.6 + 0.01 * static_cast<double>(least - energies.begin()),
                      *least / energies[30]));
      return least - energies.begin();
    };
    CHECK(best_of(0.0) == 0);
    const auto inside = best_of(80.0);
    CHECK(inside > 0);
    CHECK(inside < 50);
  }
}

TEST_CASE("a design's latency model has the cost model's times at every voltage", "[accel]") {
  const SearchSpace space = tiny_space();
  const Accelerator design = at(design_at_voltages("kc-p"), 0.75);
  const Architecture arch = space.uniform(0);
  const NetworkCost cost = cost_of(network_of(space, arch), design);
  CHECK(AcceleratorModel(space, design).predict_ms(arch) ==
        Approx(cost.milliseconds).epsilon(1e-12));
  CHECK(TableModel(space, accelerator_table(space, design)).predict_ms(arch) ==
        Approx(cost.milliseconds).epsilon(1e-12));
  CHECK(cost.milliseconds > cost_of(network_of(space, arch), at(design, 0.9)).milliseconds);
}

TEST_CASE("voltages are read strictly, and only written where they are not nominal", "[accel]") {
  const json plain = to_json(design_at_voltages("eyeriss-accelergy"));
  for (const char* key : {"voltage", "supply", "leakage_mw_per_mm2", "supported_bits"}) {
    CHECK(!plain.contains(key));
  }
  json source = plain;
  source["supply"] = {{"nominal", 0.8}, {"lowest", 0.5}};
  CHECK(read_accelerator(source).voltage == 0.8);
  source["voltage"] = 0.65;
  source["leakage_mw_per_mm2"] = 3.0;
  const Accelerator design = read_accelerator(source);
  CHECK(design.supply == Supply{.nominal = 0.8, .threshold = 0.35, .lowest = 0.5, .highest = 1.1});
  CHECK(read_accelerator(to_json(design)) == design);
  const auto refused = [&](const char* key, const json& value) {
    json changed = plain;
    changed[key] = value;
    return error_of([&] { read_accelerator(changed); });
  };
  CHECK(refused("voltage", 1.2) == "usage: voltage must be in [0.6, 1.1], got 1.2");
  CHECK(refused("voltage", 0.3) == "usage: voltage must be in [0.6, 1.1], got 0.3");
  CHECK(contains(refused("voltage", "0.9"), "accelerator.voltage"));
  CHECK(contains(refused("supply", {{"threshold", 0.7}}), "supply.lowest must be in [0.71, 100]"));
  CHECK(contains(refused("supply", {{"nominal", 0.5}}), "supply.nominal must be in [0.6, 1.1]"));
  CHECK(contains(refused("supply", {{"highest", 0.5}}), "supply.highest must be in [0.6, 100]"));
  CHECK(contains(refused("supply", {{"minimum", 0.5}}), "accelerator.supply.minimum is not a"));
  CHECK(contains(refused("leakage_mw_per_mm2", -1), "leakage_mw_per_mm2 must be in"));
  json ratios = plain;
  ratios["energy"] = "eyeriss";
  ratios["leakage_mw_per_mm2"] = 1;
  CHECK(error_of([&] { read_accelerator(ratios); }) ==
        "usage: leakage_mw_per_mm2 needs an energy table in pJ, such as accelergy-eyeriss, not "
        "eyeriss");
}
