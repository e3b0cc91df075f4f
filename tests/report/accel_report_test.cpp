#include "hsconas/report/accel_report.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "support/errors.hpp"

using namespace hsconas;

namespace {

struct Example {
  Network network{.name = "example", .layers = {}};
  Accelerator design;
  NetworkCost cost;

  Example() {
    network.layers = {
        make_conv(
            {.name = "a,\"b\"", .channels = 8, .filters = 8, .in_y = 8, .in_x = 8, .groups = 8}),
        make_gemm("fc", 1, 64, 10)};
    network.layers[0].count = 3;
    design.name = "small";
    cost = cost_of(network, design);
  }
};

}  // namespace

TEST_CASE("the accelerator report has a line per layer and the totals", "[report]") {
  const Example e;
  const std::string text = accel_report(e.network, e.design, e.cost);
  CHECK(contains(text, "fc"));
  CHECK(contains(text, "10x64x1x1 1x1"));
  CHECK(contains(text, "example on small (ws-kc, 64 x 4 PEs)"));
  CHECK(contains(text, "mac/MAC"));
}

TEST_CASE("the accelerator CSV can be read back with its numbers", "[report]") {
  const Example e;
  const CsvTable csv = CsvTable::parse(accel_csv(e.network, e.design, e.cost), "csv");
  REQUIRE(csv.rows() == 2);
  CHECK(csv.text(0, csv.column("layer")) == "a,\"b\"");
  CHECK(csv.number(0, csv.column("count")) == 3.0);
  CHECK(csv.number(1, csv.column("cycles")) == e.cost.layers[1].cycles);
  CHECK(csv.number(1, csv.column("energy")) == e.cost.layers[1].energy);
  const double terms =
      csv.number(1, csv.column("energy_mac")) + csv.number(1, csv.column("energy_registers")) +
      csv.number(1, csv.column("energy_noc")) + csv.number(1, csv.column("energy_buffer")) +
      csv.number(1, csv.column("energy_offchip")) + csv.number(1, csv.column("energy_leakage"));
  CHECK(terms == Approx(e.cost.layers[1].energy));
}

TEST_CASE("the accelerator JSON holds the design, the totals and every layer", "[report]") {
  const Example e;
  const auto object = accel_json(e.network, e.design, e.cost);
  CHECK(object["format"] == "hsconas-accel-1");
  CHECK(read_accelerator(object["design"]) == e.design);
  CHECK(object["layers"].size() == 2);
  CHECK(object["layers"][0]["count"] == 3);
  CHECK(object["layers"][1]["words"]["offchip"]["in"]["weight"] == 640.0);
  CHECK(object["cycles"].get<double>() == 3 * e.cost.layers[0].cycles + e.cost.layers[1].cycles);
  CHECK(object["area_um2"]["total"].get<double>() == area_of(e.design).total());
}

TEST_CASE("reports name the voltage, the leakage and the widths of layers", "[report]") {
  Example e;
  const std::string before = accel_report(e.network, e.design, e.cost);
  CHECK(contains(before, " at 200 MHz, "));
  CHECK(!contains(before, "leakage"));
  CHECK(!contains(before, "bits"));
  e.design.energy = "accelergy-eyeriss";
  e.design.voltage = 0.6;
  e.design.leakage_mw_per_mm2 = 1.0;
  e.design.supported_bits.weight = {4};
  e.network.layers[1].bits.weight = 4;
  e.cost = cost_of(e.network, e.design);
  const std::string text = accel_report(e.network, e.design, e.cost);
  CHECK(contains(text, " at 107.6 MHz (0.6 V), "));
  CHECK(contains(text, ", leakage "));
  CHECK(contains(text, "8/4/8"));
  const CsvTable csv = CsvTable::parse(accel_csv(e.network, e.design, e.cost), "csv");
  CHECK(csv.number(0, csv.column("weight_bits")) == 8.0);
  CHECK(csv.number(1, csv.column("weight_bits")) == 4.0);
  CHECK(csv.number(1, csv.column("energy_leakage")) == e.cost.layers[1].energy_terms.leakage);
  const auto object = accel_json(e.network, e.design, e.cost);
  CHECK(object["clock_mhz"].get<double>() == Approx(107.639524));
  CHECK(object["layers"][1]["bits"]["weight"] == 4);
  CHECK(object["layers"][0]["bits"]["output"] == 8);
  CHECK(object["energy_terms"]["leakage"].get<double>() > 0.0);
  CHECK(read_accelerator(object["design"]) == e.design);
}
