#include "hsconas/reference/maestro.hpp"

#include <cmath>
#include <map>
#include <string>

#include <fmt/format.h>

#include "accel/layers.hpp"
#include "catch.hpp"
#include "support/errors.hpp"
#include "support/reference_data.hpp"

using namespace hsconas;
using namespace hsconas::test;

namespace {

constexpr std::int64_t kUnlimitedNoc = 2147483647;
constexpr std::int64_t kUnlimitedOffchip = 70000;

double relative(double ours, double theirs) {
  return std::abs(ours / theirs - 1.0);
}

/// How many rows of a table agree, for one mapping and by quantity.
struct Agreement {
  int rows = 0, limited = 0, cycles = 0, sizes = 0, traffic = 0, closed_rows = 0, closed = 0;
  double area = 0.0, power = 0.0, energy = 0.0;  ///< Largest relative difference.
};

void compare(const CsvTable& csv, std::size_t row, Agreement& a) {
  const auto of = [&](const char* column) { return integer(csv, row, column); };
  const auto number = [&](const char* column) { return csv.number(row, csv.column(column)); };
  const MaestroMapping mapping = read_maestro_mapping(csv.text(row, csv.column("dataflow")));
  const MaestroHardware hardware{
      .pes = of("num_pes"), .noc_words = of("noc_bw"), .offchip_words = of("offchip_bw")};
  const Layer layer = reference_layer(csv, row);
  const MaestroCost cost = maestro_cost(layer, mapping, hardware);
  const bool is_unlimited =
      hardware.noc_words == kUnlimitedNoc && hardware.offchip_words == kUnlimitedOffchip;
  ++a.rows;
  a.limited += is_unlimited ? 0 : 1;
  a.cycles += cost.cycles == of("runtime_cycles") ? 1 : 0;
  a.sizes += cost.l1_words == of("l1_req") && cost.l2_words == of("l2_req") ? 1 : 0;
  a.traffic += cost.input_l2_reads == of("in_l2_rd") && cost.weight_l2_reads == of("w_l2_rd") &&
                       cost.output_l2_writes == of("o_l2_wr")
                   ? 1
                   : 0;
  if (is_unlimited) {
    ++a.closed_rows;
    a.closed +=
        maestro_unlimited_cycles(layer, mapping, hardware.pes) == of("runtime_cycles") ? 1 : 0;
  }
  a.area = std::max(a.area, relative(cost.area_um2, number("area_um2_csv")));
  a.power = std::max(a.power, relative(cost.power_mw, number("power_csv")));
  a.energy = std::max(a.energy, relative(cost.energy_macs, number("energy_macunits_recomputed")));
}

void check_table(const std::filesystem::path& file) {
  const CsvTable csv = CsvTable::load(file);
  CHECK(csv.rows() > 0);
  const std::string name = file.filename().string();
  std::map<std::string, Agreement> by_mapping;
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    if (integer(csv, row, "macs_match") != 1) continue;
    compare(csv, row, by_mapping[csv.text(row, csv.column("dataflow"))]);
  }
  for (const auto& [mapping, a] : by_mapping) {
    CAPTURE(name, mapping, a.rows, a.limited);
    CHECK(a.cycles == a.rows);
    CHECK(a.sizes == a.rows);
    CHECK(a.traffic == a.rows);
    CHECK(a.closed == a.closed_rows);
    CHECK(a.area < 1e-5);
    CHECK(a.power < 1e-5);
    CHECK(a.energy < 1e-5);
  }
}

}  // namespace

TEST_CASE("MAESTRO's first tile is loaded before it works and later ones while it works",
          "[reference]") {
  // One filter of one channel, 1 x 1, over four pixels on one PE: four iterations of one cycle.
  const Layer layer = make_conv({.in_x = 4});
  CHECK(maestro_cost(layer, MaestroMapping::XP, {.pes = 1}).cycles == 4);
  // Half an element per iteration: the first waits for input and weight (ceil(2 / 1) - 1).
  CHECK(maestro_cost(layer, MaestroMapping::XP, {.pes = 1, .noc_words = 1}).cycles == 5);
  CHECK(maestro_unlimited_cycles(layer, MaestroMapping::XP, 4) == 1);
}

TEST_CASE("MAESTRO's mappings refuse what they cannot map", "[reference]") {
  const Layer layer = make_conv({.name = "a", .channels = 8, .filters = 8, .in_y = 8, .in_x = 8});
  CHECK(error_of([&] { maestro_cost(layer, MaestroMapping::KcP, {.pes = 32}); }) ==
        "usage: layer a: the mapping works in clusters of 64 PEs, there are 32");
  CHECK(error_of([&] { maestro_cost(layer, MaestroMapping::XP, {.pes = 0}); }) ==
        "usage: layer a: the mapping works in clusters of 1 PEs, there are 0");
  const Layer grouped =
      make_conv({.name = "b", .channels = 8, .filters = 8, .in_y = 8, .in_x = 8, .groups = 2});
  CHECK(contains(error_of([&] { maestro_cost(grouped, MaestroMapping::XP, {}); }), "no groups"));
  CHECK(contains(error_of([] { read_maestro_mapping("ZZ-P"); }), "unknown MAESTRO mapping 'ZZ-P'"));
}

TEST_CASE("MAESTRO's cycles, buffers, traffic, area, power and energy come out exactly",
          "[reference]") {
  check_few_and_all("maestro.csv", "accelerator/maestro.csv.gz", check_table);
}

TEST_CASE("MAESTRO comes out exactly on the 50 accelerators of the semi-decoupled paper",
          "[reference]") {
  check_few_and_all("maestro_codesign50.csv", "accelerator/maestro_codesign50.csv.gz", check_table);
}
